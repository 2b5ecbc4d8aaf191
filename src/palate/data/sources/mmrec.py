"""MMRec folders: one `.inter` file with a split, features as `.npy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.errors import DataError
from palate.core.fingerprint import file_fingerprint, fingerprint
from palate.core.ids import IdMap
from palate.core.wording import some
from palate.data.assemble import Table, assemble
from palate.data.features import FeatureTable
from palate.data.quarantine import Rejected, frame_of
from palate.data.rows import find_columns, typed_rows
from palate.data.sources._base import Gathered, Source, SourceConfig, need_rows, need_usable
from palate.data.sources._expects import Expected, files_in, first_line
from palate.data.sources._read import read_table
from palate.data.sources.recbole import typed_header

_MODALITIES = {
    "image": "image",
    "visual": "image",
    "v": "image",
    "text": "text",
    "t": "text",
    "audio": "audio",
    "acoustic": "audio",
    "a": "audio",
    "video": "video",
}


class MMRecConfig(SourceConfig):
    """MMRec folders need no settings of their own."""


class MMRec(Source[MMRecConfig]):
    """MMRec folder: NAME.inter (its x_label is the split) and NAME_feat.npy features, row = item id."""

    name = "mmrec"
    config_type = MMRecConfig
    expects = (
        Expected(
            "NAME.inter",
            "interactions; x_label 0 is train, 1 valid, 2 test",
            "0\t12\t0",
            "userID\titemID\tx_label",
            needed=True,
        ),
        Expected("image_feat.npy", "features by modality: a matrix, row = item id", ""),
    )

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return whether the first .inter file has tab-separated fields without types."""
        files = files_in(src, ".inter")
        head = first_line(files[0]) if files else ""
        return "an MMRec folder" if "\t" in head and ":" not in head else ""

    def gather(self, src: Path) -> Gathered:
        """Read the `.inter` file and every matrix beside it."""
        file = _inter_file(src)
        if typed_header(first_line(file)):
            raise DataError(f"{file.name} has typed fields ({first_line(file).split()[0]}, …), which MMRec has not")
        read = read_table(file, separator="\t")
        columns = find_columns(need_rows(read.table, file), {}, file.name, ("user", "item"))
        rows = typed_rows(read.table, columns, file.name, read.rows)
        need_usable(rows.table, rows.rejected, file.name)
        arrays, aside = _arrays(file.parent)
        ids = _item_ids(rows.table["item_id"], file.name, arrays)
        features, notes = {}, [*rows.notes]
        for path, array in arrays.items():
            features[path.stem] = _part(path, array)
            empty = int((~features[path.stem].present).sum())
            if empty:
                rows_told = some(
                    empty, "row of zeros or NaN: this item lacks", "rows of zeros or NaN: these items lack"
                )
                notes.append(f"{path.name} has {rows_told} the part {path.stem}")
        table = Table(pl.DataFrame({"item_id": ids.series}))
        data, told = assemble(rows, table, None, file.stem, positive=self.config.positive, features=features)
        rejected = pl.concat([read.rejected, rows.rejected, frame_of(aside)])
        return Gathered(data, {}, rejected, (*notes, *told))


def _inter_file(src: Path) -> Path:
    if src.is_file():
        return src
    files = sorted(src.glob("*.inter"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise DataError(f"{src} should hold one .inter file and holds {found}: name the file itself")
    return files[0]


def _arrays(folder: Path) -> tuple[dict[Path, npt.NDArray[np.floating]], list[Rejected]]:
    arrays, aside = {}, []
    for path in sorted(folder.glob("*.npy")):
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            reason = "it holds Python objects" if "allow_pickle" in str(error) else f"it cannot be read ({error})"
            aside.append(Rejected(path.name, None, None, f"the file was left out: {reason}", None))
            continue
        if array.ndim == 2 and array.dtype.kind in "fiu":
            arrays[path] = array
        else:
            reason = f"the file was left out: it is no matrix of numbers but {array.dtype}{list(array.shape)}"
            aside.append(Rejected(path.name, None, None, reason, None))
    return arrays, aside


def _item_ids(column: pl.Series, place: str, arrays: Mapping[Path, npt.NDArray[np.floating]]) -> IdMap:
    """Return the items in the order of their numbers: all that the features have a row for, else those that occur."""
    numbers = column.cast(pl.Int64, strict=False)
    strange = column.filter((numbers.fill_null(-1) < 0) | (numbers.cast(pl.String) != column))
    if len(strange):
        if arrays:
            raise DataError(f"{place} has the item '{strange[0]}', but features by row need items numbered from 0")
        return IdMap.of_series(column)
    known = numbers.unique().sort()
    n_items = int(known[-1]) + 1
    for path, array in arrays.items():
        if len(array) != n_items:
            raise DataError(
                f"{path.name} has {len(array):,} rows, but {place} has items 0 to {n_items - 1:,}, which want {n_items:,}: "
                "one of the two belongs to another data set"
            )
    return IdMap(map(str, range(n_items))) if arrays else IdMap(known.cast(pl.String).to_list())


def _part(path: Path, array: npt.NDArray[np.floating]) -> FeatureTable:
    values = array.astype(np.float32)
    present = np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
    values[~present] = 0
    modality = _MODALITIES.get(path.stem.split("_")[0].lower(), "vector")
    return FeatureTable(values, present, fingerprint("mmrec", file_fingerprint(path)), "items", modality)
