"""Ways to cut a dataset into train, validation and test, one a file."""
