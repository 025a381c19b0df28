"""Examination of servers, disk and files; what to do about them, also after a command's error.

It reads and reports; the commands that its advice names do the repairs.
"""
