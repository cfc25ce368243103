"""Rows of a CSV, a parquet file or a data frame -> inputs [n, features] and labels [n].

In reading order: ``formats`` (what counts as a table), ``dialect`` (how a text file is written),
``cells`` (a file or frame, read by pandas), ``column`` (one column as inputs), ``layout`` (all
columns as inputs, kept with a run so that new rows are encoded like the training data).
"""
