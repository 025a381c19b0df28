"""From a decision to a build: which statement over which stored tables brings a model up to date.

What has to be built is decided in `plan`; an engine executes the build.
"""
