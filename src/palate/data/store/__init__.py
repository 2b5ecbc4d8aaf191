"""What a live service must not lose: events, posted items, feedback, keys and erasures, in one database."""

from palate.data.store.records import Erased, Event, Key, Posted, Said, Satisfaction
from palate.data.store.store import SCOPES, Store, key_digest, store_of

__all__ = ["SCOPES", "Erased", "Event", "Key", "Posted", "Said", "Satisfaction", "Store", "key_digest", "store_of"]
