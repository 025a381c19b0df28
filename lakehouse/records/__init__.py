"""Records of runs: writing and reading them as files and as tables, and the code that was run.

Showing and comparing what happened (`log`, `why`, `diff`) belongs in `history` and `cli`.
"""
