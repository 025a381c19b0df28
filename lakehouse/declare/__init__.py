"""Declarations: `@ingestion`, `@model` and `@quality`, their specs, and finding them in a project.

Nothing here runs a declaration or turns it into SQL: that is `lakehouse.compile` and above.
"""
