"""What every registered encoder keeps to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoder_inputs import ANOTHER, FEW, MAKERS, NEEDS_WEIGHTS, SETTINGS

from palate.core.errors import ConfigError
from palate.core.state import State
from palate.encoders import BrokenInput, Encoder, registry, restore
from palate.encoders.pipeline.wire import receive, send
from palate.interfaces import Encoder as Protocol
from palate.interfaces import Raw

NAMES = [
    pytest.param(name, marks=[pytest.mark.xdist_group(name), *[pytest.mark.weights] * (name in NEEDS_WEIGHTS)])
    for name in registry.names()
]


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def raw(name: str, tmp_path_factory: pytest.TempPathFactory) -> list[Raw]:
    return MAKERS[registry.get(name).modality](tmp_path_factory.mktemp("media"))[: FEW.get(name)]


@pytest.fixture(scope="module")
def settings(name: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return SETTINGS[name](tmp_path_factory.mktemp("settings")) if name in SETTINGS else {}


@pytest.fixture(scope="module")
def encoder(name: str, settings: dict[str, Any], raw: list[Raw]) -> Encoder[Any]:
    made = registry.get(name)(**settings)
    made.prepare()
    return made.fit([*raw, None])


@pytest.fixture(scope="module")
def found(encoder: Encoder[Any], raw: list[Raw]) -> np.ndarray:
    """What the encoder says of all inputs at once."""
    return vectors(encoder, raw)


def vectors(encoder: Encoder[Any], raw: Sequence[Raw]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(entry) for entry in raw])
    assert present.all()
    return values


def test_it_fulfils_the_protocol(encoder: Encoder[Any]) -> None:
    assert isinstance(encoder, Protocol)
    assert encoder.modality in MAKERS


def test_dims_are_as_declared(encoder: Encoder[Any], raw: list[Raw], found: np.ndarray) -> None:
    assert found.shape == (len(raw), encoder.dim)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_one_by_one_equals_all_at_once(encoder: Encoder[Any], raw: list[Raw], found: np.ndarray) -> None:
    apart = np.concatenate([vectors(encoder, [entry]) for entry in raw])
    np.testing.assert_allclose(apart, found, rtol=1e-4, atol=1e-5)


def test_the_order_in_a_batch_does_not_matter(encoder: Encoder[Any], raw: list[Raw], found: np.ndarray) -> None:
    np.testing.assert_allclose(vectors(encoder, raw[::-1])[::-1], found, rtol=1e-4, atol=1e-5)


def test_it_is_deterministic(encoder: Encoder[Any], raw: list[Raw], found: np.ndarray) -> None:
    np.testing.assert_array_equal(vectors(encoder, raw), found)
    again = type(encoder)(encoder.config).fit([*raw, None])
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(vectors(again, raw), found)


def test_different_inputs_differ(raw: list[Raw], found: np.ndarray) -> None:
    assert len(np.unique(np.round(found, 4), axis=0)) == len(raw)


def test_missing_stays_missing(encoder: Encoder[Any], raw: list[Raw]) -> None:
    decoded = [None, encoder.decode(raw[0]), None]
    values, present = encoder.encode(decoded)
    assert present.tolist() == [False, True, False]
    assert not values[[0, 2]].any()
    values, present = encoder.encode([None, None])
    assert (values.shape, present.any()) == ((2, encoder.dim), False)
    values, present = encoder.encode([])
    assert (values.shape, len(present)) == ((0, encoder.dim), 0)


def test_nothing_in_it_is_missing_and_broken_tells_why(encoder: Encoder[Any], tmp_path: Path) -> None:
    if encoder.modality == "text":
        assert encoder.decode("") is None
        assert encoder.decode(" \n\t　") is None
        return
    (tmp_path / "empty").touch()
    (tmp_path / "junk").write_bytes(b"neither picture nor sound" * 40)
    for path, reason in (("absent", "no such file"), ("empty", "empty"), ("junk", "file|decoded|picture")):
        with pytest.raises(BrokenInput, match=reason):
            encoder.decode(tmp_path / path)


def test_what_it_decodes_crosses_to_another_process(encoder: Encoder[Any], raw: list[Raw], found: np.ndarray) -> None:
    pipe = io.BytesIO()
    for entry in raw:
        send(pipe, encoder.decode(entry))
    pipe.seek(0)
    crossed = [receive(pipe, type(encoder).__module__) for _ in raw]
    np.testing.assert_array_equal(encoder.encode(crossed)[0], found)


def test_the_fingerprint_changes_with_the_settings(
    encoder: Encoder[Any], settings: dict[str, Any], raw: list[Raw], found: np.ndarray
) -> None:
    if encoder.name not in ANOTHER:
        assert not type(encoder.config).model_fields, f"add a setting of {encoder.name} to ANOTHER"
        return
    other = type(encoder)(**{**settings, **ANOTHER[encoder.name]}).fit(raw)
    assert other.fingerprint != encoder.fingerprint
    values, _ = other.encode([other.decode(entry) for entry in raw])
    assert values.shape != (len(raw), encoder.dim) or not np.allclose(values, found)


def test_the_fingerprint_changes_with_the_weights_and_the_version(
    encoder: Encoder[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprint() -> str:
        return type(encoder)(encoder.config).load_state(encoder.state()).fingerprint

    # a model that a setting chooses is known by the digest of its files, which is what such an encoder remembers
    other = State(meta=dict.fromkeys(encoder.state().meta, "other"))
    weights = ("state", lambda self: other) if encoder.scheme else ("_weights", lambda self: "other")
    before = encoder.fingerprint
    assert fingerprint() == before
    for what, value in (weights, ("version", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(type(encoder), what, value)
            assert fingerprint() != before


def test_a_companion_reads_another_modality_into_the_same_space(encoder: Encoder[Any]) -> None:
    assert encoder.space == type(encoder)(encoder.config).load_state(encoder.state()).space
    assert encoder.companion(encoder.modality) is None
    for modality in MAKERS:
        other = encoder.companion(modality)
        if other is not None:
            assert (other.modality, other.space, other.dim) == (modality, encoder.space, encoder.dim)


def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no setting 'colour'"):
        registry.get(name)(colour="red")


def test_the_state_makes_the_round_trip(
    encoder: Encoder[Any], raw: list[Raw], found: np.ndarray, tmp_path: Path
) -> None:
    reference = encoder.reference()
    reference.state.save(tmp_path, "encoder")
    loaded = type(reference)(reference.name, reference.settings, State.load(tmp_path, "encoder"))
    again = restore(loaded)
    assert again.fingerprint == encoder.fingerprint
    assert again.dim == encoder.dim
    np.testing.assert_allclose(vectors(again, raw), found, rtol=0, atol=1e-5)


def test_it_tells_what_it_is(encoder: Encoder[Any]) -> None:
    assert encoder.spec() == {"name": encoder.name, "settings": encoder.config.model_dump(mode="json")}
    assert (type(encoder).__doc__ or "").strip()
