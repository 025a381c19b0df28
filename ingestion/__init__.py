"""Where the glucose readings come from."""
