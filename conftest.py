"""What every test may use: `run_model`, `assert_incremental`, and profiles of Hypothesis."""

from hypothesis import settings

pytest_plugins = ["lakehouse.testing"]

settings.register_profile("soon", max_examples=15, deadline=None)
settings.register_profile("long", max_examples=25, deadline=None)
settings.register_profile("longest", max_examples=300, deadline=None)
