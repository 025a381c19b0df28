"""Examination of servers, disk and files, with advice; commands that fail use it, too.

It reads and reports; the commands that its advice names do the repairs.
"""
