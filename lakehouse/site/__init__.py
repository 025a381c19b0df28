"""The static site: pages of a project and of its pipeline, as files that need no server.

What a page consists of is declared by `lakehouse.pages`; here it becomes HTML and data.
"""
