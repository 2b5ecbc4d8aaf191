"""A person removed from a bundle: id, history, events and vectors; what the model learned from all people stays."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from palate.bundle.manifest import Manifest
from palate.core.files import recover, replacing_folder
from palate.core.state import Array, State, pack_csr, unpack_csr
from palate.data.media import bring
from palate.data.privacy.forget import alone, finish
from palate.data.privacy.forget import forget as forget_in
from palate.data.privacy.receipt import Receipt

OF_PEOPLE = {"own", "known", "people", "wants", "user_level", "users click", "users rating"}
"""Arrays of models whose rows are people."""
_CHANGED = (
    "manifest.json",
    "users.parquet",
    "events.parquet",
    "histories.safetensors",
    "histories.json",
    "model.safetensors",
    "model.json",
)
_STAYS = "what the model learned from everybody, them too, stays: train it again to be rid of that"


def forget(ds: Path, user: str, bundles: Sequence[Path] = (), mentions: bool | None = None) -> Receipt:
    """Remove a person from a dataset folder and from bundles, search all of them, and return the receipt.

    A run that was killed, or that found the person gone already, goes on where the last one stood.

    Args:
        ds: the dataset folder.
        user: the id as the dataset has it.
        bundles: trained from it.
        mentions: whether the id is masked where others mention it; see `palate.data.privacy.forget.forget`.

    Raises:
        DataError: there is no such person or folder.
        BundleError: there is no such bundle, or it is damaged.
        StoreError: the disk refuses, or the id is still there.
    """
    for path in bundles:
        recover(path)
        Manifest.read(path)
    with alone(ds):
        receipt, person = forget_in(ds, user, mentions, any(user in _users(path)["user_id"] for path in bundles))
        done = [(path, forget_bundle(path, user)) for path in bundles]
        return finish(ds, receipt, person, done)


def forget_bundle(path: Path, user: str) -> dict[str, Any]:
    """Remove a person from a bundle, all or nothing; returns what was done.

    Their place among the users is kept, empty and under a name that says nothing, so that nobody else's moves.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        StoreError: the disk refuses.
    """
    manifest = Manifest.read(path)
    shutil.rmtree(path.with_name(f"{path.name}.partial"), ignore_errors=True)
    users = _users(path)
    names = users["user_id"].to_list()
    if user not in names:
        return {"path": str(path), "known": False, "events": 0, "vectors": [], "stays": ""}
    code = names.index(user)
    with replacing_folder(path) as aside:
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            if file.is_file() and inside.as_posix() not in _CHANGED:
                bring(file, aside / inside)
        names[code] = f"forgotten {secrets.token_hex(8)}"
        users.with_columns(pl.Series("user_id", names, dtype=pl.String)).write_parquet(aside / "users.parquet")
        events = pl.read_parquet(path / "events.parquet", memory_map=False)
        kept = events.filter(pl.col("user") != code)
        kept.write_parquet(aside / "events.parquet")
        _histories(path, code).save(aside, "histories")
        state, vectors = _without(State.load(path, "model"), code, len(names))
        state.save(aside, "model")
        manifest.sealed(aside).write(aside)
    return {
        "path": str(path), "known": True, "events": events.height - kept.height, "vectors": vectors, "stays": _STAYS,
    }  # fmt: skip


def _users(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path / "users.parquet", memory_map=False)


def _histories(path: Path, code: int) -> State:
    state = State.load(path, "histories")
    arrays: dict[str, Array] = {}
    for name in ("liked", "seen"):
        matrix = unpack_csr(name, state.arrays).tolil()
        matrix[code] = 0
        arrays |= pack_csr(name, matrix.tocsr())
    return State(arrays, state.meta)


def _without(state: State, code: int, people: int) -> tuple[State, list[str]]:
    """Return what a model learned with zeros for one person, and the names of the arrays that had something of theirs."""
    arrays = dict(state.arrays)
    theirs = [name for name, array in arrays.items() if name.rpartition("/")[2] in OF_PEOPLE and len(array) == people]
    for name in theirs:
        arrays[name] = arrays[name].copy()
        arrays[name][code] = 0
    return State(arrays, state.meta), theirs
