"""Pure functions on arrays: ranking metrics, intervals, paired tests."""
