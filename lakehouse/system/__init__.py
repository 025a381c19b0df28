"""The machine and this process: clock, users, signals, file locks, threads, garbage collection.

Nothing here knows of pipelines, tables or files of a home.
"""
