"""Commits of a catalog, made with the fixture `write`."""


def merge(catalog, branch):
    return catalog.merge(branch, run_id=branch, message=f"merge {branch}")


def commits(catalog, write, *tables):
    """A commit for each table, which adds a file to it."""
    made = []
    for number, table in enumerate(tables):
        catalog.create_branch(f"run-{number}")
        write(f"run-{number}", table, number)
        made.append(merge(catalog, f"run-{number}"))
    return made
