"""Bringing media that a table names by address into the dataset folder.

network.py   connections to public addresses only, and one download within limits
media.py     every address of a dataset, many at a time, each once
"""

from palate.data.fetching.media import Fetched, fetch_media
from palate.data.fetching.network import Limits

__all__ = ["Fetched", "Limits", "fetch_media"]
