"""Models of the events."""
