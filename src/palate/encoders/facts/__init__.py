"""What is known of each encoder and recogniser: what it reads, how wide it is, its weights, and how fast it is here.

listing.py   the facts
speed.py     the measuring, and what was measured before
samples.py   generated inputs to measure on
"""

from palate.encoders.facts.listing import Facts, facts
from palate.encoders.facts.speed import measure

__all__ = ["Facts", "facts", "measure"]
