"""The fixtures `run_model` and `assert_incremental`, for every test of the project."""

pytest_plugins = ["lakehouse.testing"]
