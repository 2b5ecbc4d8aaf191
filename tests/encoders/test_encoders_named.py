"""Encoders by what a person wrote for a column."""

from __future__ import annotations

import pytest

from palate.core.errors import ConfigError, UnknownNameError
from palate.encoders import named


def test_a_name_makes_a_new_encoder_each_time():
    assert named("mel", "audio").name == "mel"
    assert named("mel", "audio") is not named("mel", "audio")


def test_an_unknown_name_or_scheme_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'mel'"):
        named("mell", "audio")
    with pytest.raises(ConfigError, match="'nowhere:model' names no encoder"):
        named("nowhere:model", "text")
