"""Plans: what to build and why, from selectors, table state and fingerprints; nothing runs here.

Also the sizes of pieces and files that builds are cut into.
"""
