"""Glucose tables, from raw entries to the marts that people look at, and checks and alerts on them.

A module with models is named after its schema; the other modules hold functions that models share.
Nothing here knows of engines, catalogs or Nightscout's API.
"""
