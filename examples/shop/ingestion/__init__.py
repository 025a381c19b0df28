"""What the shop reads, a function for each source."""
