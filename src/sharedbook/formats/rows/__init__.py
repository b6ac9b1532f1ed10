"""Delimited text: encodings, rows, and what is wrong with them by line and column."""
