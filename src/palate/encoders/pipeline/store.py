"""What was encoded before: vectors by content, kept beside the finished part and, while at work, in chunks.

features/<name>/content.safetensors       digest of each row's content, with the encoder's fingerprint in its header
features/.before/<name>/                  the same of the dataset that an import replaced: read here, never by `load`
features/.partial/<name>/<encoder>/       chunk-00000.safetensors …: unfinished work, each written all or nothing
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import Timeout
from safetensors import safe_open

from palate.core.errors import DataError
from palate.core.files import locked, replacing_file
from palate.core.ids import IdMap
from palate.core.state import Array, write_arrays
from palate.core.types import JSON, Floats
from palate.data.feature_folder import BEFORE, CONTENT, feature_path, load_part, save_features
from palate.data.features import FeatureTable

Key = bytes
"""16 bytes that stand for a content."""


class Vectors:
    """Vectors by content; `reasons` tells why a content has none."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.blocks: list[Floats] = []
        self.place: dict[Key, tuple[int, int]] = {}
        self.reasons: dict[Key, str] = {}

    def add(self, keys: Sequence[Key], values: Floats, reasons: dict[Key, str]) -> None:
        """Take over the vectors of `keys`, and the reasons of those that have none."""
        block = len(self.blocks)
        self.blocks.append(values)
        self.place.update({key: (block, row) for row, key in enumerate(keys)})
        self.reasons.update(reasons)

    def update(self, other: Vectors) -> None:
        """Take over all that `other` holds."""
        shift = len(self.blocks)
        self.blocks += other.blocks
        self.place.update({key: (shift + block, row) for key, (block, row) in other.place.items()})
        self.reasons.update(other.reasons)

    def packed(self) -> tuple[list[Key], Floats]:
        """Return the keys and their vectors as one array, float32[n, dim]."""
        return list(self.place), np.concatenate([np.zeros((0, self.dim), np.float32), *self.blocks])

    def get(self, key: Key) -> Floats | None:
        """Return a content's vector, or None where it has none."""
        at = self.place.get(key)
        return None if at is None else self.blocks[at[0]][at[1]]

    def __contains__(self, key: object) -> bool:
        return key in self.place or key in self.reasons


class PartStore:
    """One part of one dataset folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.final = feature_path(folder, name)
        self.before = self.final.parent / BEFORE / name
        self.partial = self.final.parent / ".partial" / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from encoding the same part at the same time.

        Raises:
            DataError: one is at it.
            StoreError: the folder cannot be written.
        """
        try:
            with locked(self.partial / "lock", timeout=0):
                yield
        except Timeout as error:
            raise DataError(
                f"another process is encoding the part '{self.name}' of {self.folder}: wait until it ends"
            ) from error

    def finished(self, source: str, ids: IdMap) -> FeatureTable | None:
        """Return the part on disk if it was made from exactly this."""
        if not (self.final / "manifest.json").is_file():
            return None
        table, known = load_part(self.final)
        return table if table.source == source and known == ids else None

    def known(self, encoder: str, dim: int) -> Vectors:
        """Return the vectors of this encoder that are on disk, from finished parts and unfinished work."""
        vectors = Vectors(dim)
        for place in (self.before, self.final):
            arrays, note = _read(place / CONTENT)
            if note.get("encoder") == encoder and (place / "manifest.json").is_file():
                table, _ = load_part(place)
                if table.source == note["source"] and table.dim == dim:
                    rows = np.flatnonzero(table.present)
                    vectors.add([arrays["keys"][row].tobytes() for row in rows], table.values[rows], {})
        for chunk in sorted(self._work(encoder).glob("chunk-*.safetensors")):
            arrays, note = _read(chunk)
            if note.get("encoder") == encoder:
                keys = [row.tobytes() for row in arrays["keys"]]
                vectors.add(keys, arrays["values"], {bytes.fromhex(key): why for key, why in note["reasons"].items()})
        return vectors

    def keep(self, encoder: str, vectors: Vectors) -> None:
        """Write one more chunk of unfinished work."""
        work = self._work(encoder)
        path = work / f"chunk-{len(list(work.glob('chunk-*.safetensors'))):05d}.safetensors"
        keys, values = vectors.packed()
        note = {"encoder": encoder, "reasons": {key.hex(): why for key, why in vectors.reasons.items()}}
        with replacing_file(path) as aside:
            write_arrays(aside, {"keys": _pack(keys), "values": values}, json.dumps(note, sort_keys=True))

    def finish(self, table: FeatureTable, ids: IdMap, encoder: str, keys: Sequence[Key | None]) -> None:
        """Write the finished part and remove the unfinished work."""
        save_features(self.folder, self.name, table, ids)
        note = {"encoder": encoder, "source": table.source}
        with replacing_file(self.final / CONTENT) as aside:
            write_arrays(aside, {"keys": _pack([key or bytes(16) for key in keys])}, json.dumps(note, sort_keys=True))
        for done in (self.partial, self.before):
            shutil.rmtree(done, ignore_errors=True)
            with suppress(OSError):  # another part may still be there
                done.parent.rmdir()

    def _work(self, encoder: str) -> Path:
        return self.partial / encoder[:16]


def _pack(keys: Sequence[Key]) -> Array:
    return np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), 16)


def _read(path: Path) -> tuple[dict[str, Array], JSON]:
    """Read what `write_arrays` wrote; a file that is absent or damaged is as good as none, since all can be made again."""
    if not path.is_file():
        return {}, {}
    try:
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["note"])  # noqa: SIM118
    except Exception:  # noqa: BLE001  safetensors has errors of many types
        return {}, {}
