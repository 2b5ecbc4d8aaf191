"""Sparse and dense kernels without torch: top-k, nearest neighbours, damped products."""
