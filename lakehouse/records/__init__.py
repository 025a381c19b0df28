"""Records of runs, as files and as tables; the code that was run; messages while a run works.

Showing and comparing what happened (`log`, `why`, `diff`) belongs in `history` and `cli`.
"""
