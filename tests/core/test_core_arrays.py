"""Large arrays on disk: written in blocks, mapped, and told when they are cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from palate.core.arrays import map_arrays, write_blocks
from palate.core.fingerprint import _feed, fingerprint


@pytest.mark.parametrize("n", [0, 1, 7])
def test_what_is_written_in_blocks_is_a_safetensors_file(tmp_path: Path, n: int) -> None:
    values = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    present = np.arange(n) % 2 == 0
    write_blocks(
        tmp_path / "a", "values", 3, (values[start : start + 2] for start in range(0, n, 2)), {"present": present}
    )
    for arrays in (load_file(tmp_path / "a"), map_arrays(tmp_path / "a")):
        np.testing.assert_array_equal(arrays["values"], values)
        np.testing.assert_array_equal(arrays["present"], present)
    assert n == 0 or isinstance(map_arrays(tmp_path / "a")["values"], np.memmap)


def test_files_of_the_library_can_be_mapped(tmp_path: Path) -> None:
    arrays = {
        "keys": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "code": np.array([5, -1]),
        "x": np.ones(3, np.float32),
    }
    save_file(arrays, tmp_path / "a", {"note": "kept"})
    for name, array in map_arrays(tmp_path / "a").items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def test_too_few_rows_and_a_short_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another number of rows than 4"):
        write_blocks(tmp_path / "a", "values", 2, [np.ones((3, 2), np.float32)], {"present": np.ones(4, bool)})
    write_blocks(tmp_path / "b", "values", 2, [np.ones((3, 2), np.float32)], {"present": np.ones(3, bool)})
    (tmp_path / "b").write_bytes((tmp_path / "b").read_bytes()[:-1])
    with pytest.raises(Exception, match=r"(?i)header|metadata|length|buffer"):
        map_arrays(tmp_path / "b")


def test_a_column_has_the_fingerprint_of_its_texts_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pl.Series("text", ["a", None, "", "wörter", "漢字", "z"] * 3)
    whole = fingerprint(column)
    monkeypatch.setattr("palate.core.fingerprint._SLICE", 2)
    assert fingerprint(column) == whole

    class Joined:
        """Feeds as if all texts stood in memory at once."""

        def __init__(self) -> None:
            self.fed = b""

        def update(self, data: bytes) -> None:
            self.fed += bytes(data)

    parts, joined = Joined(), Joined()
    _feed(parts, column)
    _feed(joined, str(column.dtype))
    _feed(joined, column.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy())
    _feed(joined, "".join(column.drop_nulls().to_list()).encode())
    assert parts.fed == joined.fed
