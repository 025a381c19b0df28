"""Watching over the servers that a command uses: one that stops answering is given up.

Libraries have limits of time for an answer, but not all of them, and none can tell a long statement
or a wait for a lock from a server that hangs. A server is asked a question of its own instead, over
another connection. As long as it answers, whatever it does may take its time.
"""
