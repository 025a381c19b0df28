"""What runs cost: each figure beside a baseline timed in the same run, so that ratios compare."""
