"""Compiling: the functions of a project become its DAG, and models, checks and schemas become SQL.

A model is one statement, and so is the validation of an ingestion's rows; checks of a table share
one where they can. SQL is made, cached and compared here; it is run in `lakehouse.engines`.
"""
