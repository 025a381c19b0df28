"""Every glucose figure once more, in plain Python from the definitions alone.

Nothing here reads the models, Ibis or an engine: what these modules and the models agree on was
computed twice, by two people. Times are whole microseconds since 1970 in UTC, glucose whole mg/dL,
and figures between are fractions, so that no rounding hides a difference.
"""
