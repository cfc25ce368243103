"""Experiments with the library, and what they show; nothing in the library imports them.

``reproduce`` (a paper's claims -> verdicts), ``benchmark`` (the engine, and single parts, against
other ways), ``simulate`` (how fast parallel training would be) and ``statistics`` (numbers of
several seeds -> means, intervals, tests).
"""
