"""Rows of a CSV, a parquet file or a data frame -> inputs [n, features] and labels [n]."""
