"""Data is a value: datasets, their folders, the formats they come from, cleaning and splitting."""
