"""What people read: ``numerals`` (numbers -> text), ``html`` (rows of text -> a table for a
notebook), ``lines`` (curves and counts -> matplotlib axes) and ``scales`` (their ticks).
"""
