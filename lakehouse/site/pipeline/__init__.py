"""Pages about a pipeline: its tables, runs, checks, alerts and files, as the commands tell them."""
