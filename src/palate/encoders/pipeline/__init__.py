"""From the columns of a catalogue to parts of a dataset.

inputs.py    what each row holds, and the digest of its content
rows.py      what is made of several columns of a row: table, geo
views.py     a vector as the mean over views of an input
decoding.py  what is wrong with one input stays with that one
worker.py    the process that decodes files, and dies alone
workers.py   its parent's side: several of them, and one that died is replaced
bounds.py    what decoding one file may cost
wire.py      what goes between them
run.py       decoding and encoding on all cores, in order, with bounded memory
store.py     what was encoded before, finished or not
columns.py   the road through the three
"""

from palate.encoders.pipeline.columns import Encoded, encode, encode_columns
from palate.encoders.pipeline.inputs import columns_of, modality_of

__all__ = ["Encoded", "columns_of", "encode", "encode_columns", "modality_of"]
