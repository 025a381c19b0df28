"""Branches of runs: which run works on one, and which are left over from dead processes.

The process of a run holds a lock and a lease of its branch. What tables a branch has is the
catalog's; how a run proceeds is in `run`.
"""
