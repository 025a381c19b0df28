"""Examination of what a run needs, servers, disk and files, and what to do about what is wrong.

It reads and reports; the commands that its advice names do the repairs.
"""
