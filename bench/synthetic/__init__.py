"""A project of made-up people: the glucose models on as many readings as a benchmark needs."""
