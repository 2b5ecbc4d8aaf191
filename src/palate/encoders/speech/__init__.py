"""Speech to text: recognisers, one a file, and the road from columns of sound to columns of text.

_base.py         what every recogniser shares
_whisper.py      Whisper by CTranslate2
_heard.py        what was heard before, by content
_columns.py      the road: sound column -> text column
"""

from palate.encoders.speech._base import Recogniser, registry
from palate.encoders.speech._columns import VIEW, Transcribed, speech_columns, transcribe, transcribe_columns

__all__ = ["VIEW", "Recogniser", "Transcribed", "registry", "speech_columns", "transcribe", "transcribe_columns"]
