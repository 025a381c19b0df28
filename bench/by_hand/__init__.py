"""The glucose tables in SQL written by hand for DuckDB, for the models to be measured against."""

STEPS = {
    "stays": "TEMP TABLE",
    "entries": "VIEW",
    "offsets": "TEMP TABLE",
    "strands": "TEMP TABLE",
    "redundant": "TEMP TABLE",
    "fct_glucose_readings": "FILE",
    "dim_date": "FILE",
    "mrt_glucose_readings": "FILE",
    "newest": "TEMP TABLE",
    "parts": "TEMP TABLE",
    "slots": "TEMP TABLE",
    "runs": "TEMP TABLE",
    "mrt_glucose_episodes": "FILE",
    "mrt_glucose_overview": "FILE",
    "mrt_glucose_overnight": "FILE",
    "mrt_glucose_hourly_patterns": "FILE",
    "mrt_glucose_agp": "FILE",
    "mrt_glucose_periods": "FILE",
}
"""The statements in order, `<name>.sql` each, and as what their rows are kept."""
