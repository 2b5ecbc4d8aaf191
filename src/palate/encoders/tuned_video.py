"""Videos by an encoder that was fine-tuned on interactions."""

from __future__ import annotations

from palate.encoders._tuned import Tuned, TunedConfig


class TunedVideo(Tuned[TunedConfig]):
    """An encoder of videos with what `palate fine-tune` learned on top of it, as in tuned:./folder."""

    name = "tuned-video"
    modality = "video"
