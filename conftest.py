"""The fixture `run_model`, for every test of the project."""

pytest_plugins = ["lakehouse.testing"]
