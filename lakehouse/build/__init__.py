"""Stored tables as inputs of any statement, and the build that brings a model up to date.

Audit, history, publication and queries take their inputs from here, too, and checks of freshness
the keys that a source no longer lists. What has to be built is decided in `plan`; an engine
executes the build.
"""
