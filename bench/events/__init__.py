"""A project of one table and its copy, for benchmarks of merging and publishing."""
