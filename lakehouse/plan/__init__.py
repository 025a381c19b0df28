"""Plans: what to build and why, and the sizes of pieces and data files; nothing runs here.

What to build follows from selectors, the state of tables and the fingerprints of models.
"""
