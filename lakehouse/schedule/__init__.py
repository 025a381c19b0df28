"""Runs by the clock: when each is due, the process that waits, and files for other schedulers.

What a run does is in `run`; nothing here builds or checks.
"""
