"""A project whose orders, each with its lines, come from a paged REST API, for benchmarks."""
