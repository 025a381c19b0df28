"""Compares DuckDB with Trino, one operation of Ibis at a time, over odd values.

Constructs are grown from the operations of Ibis by their signatures. What is here is run by
developers and by the tests of the stack; what keeps models portable is `lakehouse.portability`.
"""
