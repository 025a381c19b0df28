"""The fixtures `run_model` and `assert_incremental`."""

pytest_plugins = ["lakehouse.testing"]
