"""Checks and repairs of a dataset."""
