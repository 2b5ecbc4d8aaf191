"""A service asked from Python: `palate.Client`."""

from palate.client.client import Client

__all__ = ["Client"]
