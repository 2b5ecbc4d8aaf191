"""From the columns of a catalogue to parts of a dataset.

inputs.py    what each row holds, and the digest of its content
run.py       decoding and encoding on all cores, in order, with bounded memory
store.py     what was encoded before, finished or not
columns.py   the road through the three
"""

from palate.encoders.pipeline.columns import Encoded, encode, encode_columns
from palate.encoders.pipeline.inputs import columns_of

__all__ = ["Encoded", "columns_of", "encode", "encode_columns"]
