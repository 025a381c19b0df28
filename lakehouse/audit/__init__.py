"""Questions about stored rows: what the checks find, how fresh sources are, what is in quarantine.

What a check is and when it passes is declared in `checks`; sending messages about it is `alerts`.
"""
