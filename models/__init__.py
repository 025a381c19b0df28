"""The glucose tables, from raw entries to the figures people look at."""
