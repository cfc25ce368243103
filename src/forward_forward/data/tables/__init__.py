"""Rows of a CSV, a parquet file or a data frame -> inputs [n, features] and labels [n].

In reading order: ``formats`` (what counts as a table), ``compressed`` (the text of a file),
``dialect`` (how it is written), ``cells`` (a file or frame, read by pandas), ``row_numbers``
(columns that only number the rows), ``column`` (one column as inputs), ``labels`` (the column of
labels), ``missing`` (rows with missing cells), ``layout`` (all columns as inputs, kept with a run
so that new rows are encoded like the training data).
"""
