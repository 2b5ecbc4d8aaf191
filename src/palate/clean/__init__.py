"""Looking at a dataset and cleaning it."""
