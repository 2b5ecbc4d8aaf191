"""What was encoded before: vectors by content, kept beside the finished part and, while at work, in chunks.

features/<name>/content.safetensors       digest of each row's content, with the encoder's fingerprint in its header
features/.before/<name>/                  the same of the dataset that an import replaced: read here, never by `load`
features/.partial/<name>/<encoder>/       chunk-00000.safetensors …: unfinished work, each written all or nothing
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import Timeout
from safetensors import safe_open

from palate.core.arrays import map_arrays
from palate.core.errors import DataError, StoreError
from palate.core.files import locked, replacing_file
from palate.core.ids import IdMap
from palate.core.state import Array, write_arrays
from palate.core.types import JSON, Floats
from palate.data.feature_folder import BEFORE, CONTENT, feature_path, load_part, save_features
from palate.data.features import FeatureTable
from palate.data.lazy import LazyRows, Rows

Whose = Callable[[FeatureTable], IdMap | str]
"""Tells the ids of a part's rows; of a part of interactions the fingerprint of their log."""
Key = bytes
"""16 bytes that stand for a content."""
_OPEN = 64


class Vectors:
    """Vectors by content, in memory or in files; `reasons` tells why a content has none.

    Rows of all blocks are numbered through, so that vectors serve `LazyRows` as where rows come from.
    """

    def __init__(self, dim: int, width: npt.DTypeLike = np.float32) -> None:
        self.dim, self.width = dim, width
        self.blocks: list[Rows | Path] = []
        self.ends = [0]
        self.place: dict[Key, int] = {}
        self.reasons: dict[Key, str] = {}
        self._open: dict[int, Rows] = {}

    def add(
        self, keys: Sequence[Key], values: Rows | Path, reasons: dict[Key, str], rows: Sequence[int] | None = None
    ) -> None:
        """Take over the vectors of `keys`, and the reasons of others that have none.

        Args:
            keys: the contents.
            values: their vectors, or a safetensors file that holds them.
            reasons: why other contents have none.
            rows: where in `values` each key's vector is; the first row is the first key's, where nothing is given.
        """
        start = self.ends[-1]
        self.blocks.append(values)
        self.ends.append(start + (len(keys) if isinstance(values, Path) else values.shape[0]))
        self.place.update(
            zip(keys, range(start, start + len(keys)) if rows is None else [start + row for row in rows], strict=True)
        )
        self._tell(reasons)

    def _tell(self, reasons: dict[Key, str]) -> None:
        """Take over reasons, but for contents that have a vector, as those that were tried again."""
        self.reasons = {key: why for key, why in (self.reasons | reasons).items() if key not in self.place}

    def update(self, other: Vectors) -> None:
        """Take over all that `other` holds."""
        start = self.ends[-1]
        self.blocks += other.blocks
        self.ends += [start + end for end in other.ends[1:]]
        self.place.update({key: start + row for key, row in other.place.items()})
        self._tell(other.reasons)

    def rows(self, keys: Sequence[Key | None]) -> npt.NDArray[np.int64]:
        """Return the row of each content, -1 where it has no vector."""
        place = self.place
        return np.fromiter((-1 if key is None else place.get(key, -1) for key in keys), np.int64, len(keys))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and width."""
        return self.ends[-1], self.dim

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Floats:
        found = np.empty((len(rows), self.dim), self.width)
        owner = np.searchsorted(self.ends, rows, side="right") - 1
        for block in np.unique(owner).tolist():
            mine = owner == block
            found[mine] = self._opened(block)[rows[mine] - self.ends[block]]
        return found

    def _opened(self, block: int) -> Rows:
        """Return a block; files stay open until there are too many of them."""
        values = self.blocks[block]
        if not isinstance(values, Path):
            return values
        if block not in self._open:
            if len(self._open) >= _OPEN:
                self._open.clear()
            self._open[block] = map_arrays(values)["values"]
        return self._open[block]

    def __contains__(self, key: object) -> bool:
        return key in self.place or key in self.reasons


class PartStore:
    """One part of one dataset folder."""

    width: npt.DTypeLike = np.float32
    """How wide the numbers are in which unfinished work is kept."""

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
        finally:
            _remove_empty(self.partial)

    def finished(self, source: str, whose: Whose) -> FeatureTable | None:
        """Return the part on disk if it was made from exactly this."""
        part = _part(self.final)
        return part[0] if part is not None and part[0].source == source and part[1] == whose(part[0]) else None

    def keys(self, source: str) -> list[Key | None] | None:
        """Return the content of each row of the part on disk; None where it was not made from exactly this, or nobody encoded it."""
        arrays, note = _read(self.final / CONTENT)
        return [key if any(key) else None for key in _unpack(arrays["keys"])] if note.get("source") == source else None

    def known(self, encoder: str, dim: int) -> Vectors:
        """Return the vectors of this encoder that are on disk, from finished parts and unfinished work."""
        vectors = Vectors(dim, self.width)
        for place in (self.before, self.final):
            arrays, note = _read(place / CONTENT)
            part = _part(place) if note.get("encoder") == encoder else None
            if part is not None:
                table, _ = part
                if table.source == note.get("source") and table.dim == dim and len(table) == len(arrays["keys"]):
                    rows = np.flatnonzero(table.present)
                    vectors.add(_unpack(arrays["keys"][rows]), table.values, {}, rows.tolist())
        for chunk in sorted(self._work(encoder).glob("chunk-*.safetensors")):
            arrays, note = _read(chunk)
            if note.get("encoder") == encoder:
                reasons = {bytes.fromhex(key): why for key, why in note["reasons"].items()}
                vectors.add(_unpack(arrays["keys"]), chunk, reasons)
        return vectors

    def keep(self, encoder: str, vectors: Vectors) -> Path:
        """Write one more chunk of unfinished work; returns where its vectors are."""
        work = self._work(encoder)
        path = work / f"chunk-{len(list(work.glob('chunk-*.safetensors'))):05d}.safetensors"
        values = vectors[np.fromiter(vectors.place.values(), np.int64, len(vectors.place))].astype(
            self.width, copy=False
        )
        note = {"encoder": encoder, "reasons": {key.hex(): why for key, why in vectors.reasons.items()}}
        with replacing_file(path) as aside:
            arrays = {"keys": pack(list(vectors.place)), "values": values}
            write_arrays(aside, arrays, json.dumps(note, sort_keys=True))
        return path

    def finish(self, table: FeatureTable, whose: Whose, encoder: str, keys: Sequence[Key | None]) -> FeatureTable:
        """Write the finished part, remove the unfinished work, and return the part."""
        save_features(self.folder, self.name, table, whose(table))
        note = {"encoder": encoder, "source": table.source}
        with replacing_file(self.final / CONTENT) as aside:
            write_arrays(aside, {"keys": pack(keys)}, json.dumps(note, sort_keys=True))
        # the lock stays: were it gone, another process could take it, and a third one that when this one lets go
        for done in (*self.partial.glob("*/"), self.before):
            shutil.rmtree(done, ignore_errors=True)
        _remove_empty(self.before)
        # what was gathered from many files is now in one
        return load_part(self.final)[0] if isinstance(table.values, LazyRows) else table

    def _work(self, encoder: str) -> Path:
        return self.partial / encoder[:16]


def pack(keys: Sequence[Key | None]) -> Array:
    """Return contents as uint8[n, 16]; zeros where there is none."""
    return np.frombuffer(b"".join([key or bytes(16) for key in keys]), np.uint8).reshape(len(keys), 16)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and the one around it, unless something is in there, as another part's work or a lock."""
    for place in (folder, folder.parent):
        with suppress(OSError):
            place.rmdir()


def _part(place: Path) -> tuple[FeatureTable, IdMap | str] | None:
    """Read a part; one that is absent or damaged is as good as none, since all can be made again."""
    try:
        return load_part(place) if (place / "manifest.json").is_file() else None
    except StoreError:
        return None


def _unpack(keys: Array) -> list[Key]:
    whole = np.ascontiguousarray(keys).tobytes()
    return [whole[start : start + 16] for start in range(0, len(whole), 16)]


def _read(path: Path) -> tuple[dict[str, Array], JSON]:
    """Read what `write_arrays` wrote; a file that is absent or damaged is as good as none, since all can be made again."""
    if not path.is_file():
        return {}, {}
    try:
        with safe_open(path, "np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["note"])  # noqa: SIM118
    except Exception:  # noqa: BLE001  safetensors has errors of many types
        return {}, {}
