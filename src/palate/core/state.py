"""What a part has learned: named arrays and a small JSON value, and nothing that needs pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from palate.core.errors import StoreError
from palate.core.files import read_json, replacing_file, write_json
from palate.core.fingerprint import fingerprint
from palate.core.types import CSR, JSON

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class State:
    """Arrays by name and a JSON mapping; saved as `<name>.safetensors` and `<name>.json`.

    Example:
        >>> State({"mean": np.zeros(3, np.float32)}, {"dim": 3}).meta["dim"]
        3
    """

    arrays: Mapping[str, Array] = field(default_factory=dict)
    meta: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Digest of every array and value."""
        return fingerprint(dict(self.arrays), dict(self.meta))

    def save(self, folder: Path, name: str) -> None:
        """Write both files into `folder`, each all or nothing."""
        with replacing_file(folder / f"{name}.safetensors") as aside:
            write_arrays(aside, self.arrays)
        write_json(folder / f"{name}.json", dict(self.meta))

    @classmethod
    def load(cls, folder: Path, name: str) -> State:
        """Read what `save` wrote.

        Raises:
            StoreError: a file is missing or damaged.
        """
        path = folder / f"{name}.safetensors"
        try:
            arrays = load_file(path)
        except Exception as error:
            raise StoreError(f"{path} could not be read ({error}): write it again from its source") from error
        return cls(arrays, read_json(folder / f"{name}.json"))

    def nested(self, prefix: str) -> State:
        """Return the part of the state that `joined` put under `prefix`."""
        start = f"{prefix}/"
        arrays = {key.removeprefix(start): value for key, value in self.arrays.items() if key.startswith(start)}
        return State(arrays, self.meta.get(prefix, {}))

    def joined(self, prefix: str, inner: State) -> State:
        """Return this state with `inner` stored under `prefix`."""
        arrays = {**self.arrays, **{f"{prefix}/{key}": value for key, value in inner.arrays.items()}}
        return State(arrays, {**self.meta, prefix: dict(inner.meta)})


def write_arrays(path: Path, arrays: Mapping[str, Array], note: str | None = None) -> None:
    """Write a safetensors file, with a text in its header where one is given.

    Raises:
        OSError: the disk is full or refuses; `replacing_file` and `replacing_folder` turn it into a StoreError.
    """
    metadata = None if note is None else {"note": note}
    path.touch()
    rights = path.stat().st_mode  # safetensors would leave a file that only its owner can read
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    path.chmod(rights)


def pack_csr(name: str, matrix: CSR) -> dict[str, Array]:
    """Return the arrays of a sparse matrix under names that begin with `name`."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.asarray(matrix.shape, dtype=np.int64),
    }


def unpack_csr(name: str, arrays: Mapping[str, Array]) -> CSR:
    """Rebuild the sparse matrix that `pack_csr` took apart."""
    rows, columns = (int(n) for n in arrays[f"{name}.shape"])
    triple = (arrays[f"{name}.data"], arrays[f"{name}.indices"], arrays[f"{name}.indptr"])
    return sp.csr_array(triple, shape=(rows, columns))
