"""From a scenario to a dataset folder, by way of plain files and the ordinary importer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.files import replacing_folder
from palate.data.feature_folder import set_before
from palate.data.folder import is_dataset, refuse_foreign
from palate.data.sources import Report
from palate.data.sources.table import Table
from palate.data.worlds._truth import FILE, Truth


@runtime_checkable
class World(Protocol):
    """A scenario: writes plain files that the source `table` reads, and knows what is true of them."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever equal settings give another world."""
    columns: ClassVar[Mapping[str, Any]]
    """Settings of the source `table` that read what `write` wrote."""

    @property
    def config(self) -> Config:
        """The settings."""

    def write(self, folder: Path) -> Truth: ...


@dataclass(frozen=True, eq=False)
class Made:
    """A generated dataset folder, and its truth."""

    path: Path
    raw: Path | None
    """The plain files, if they were kept."""
    truth: Truth
    report: Report | None
    """What the importer said; None where the same world was there already."""
    seconds: float


def make(world: World, dst: Path, raw: Path | None = None, *, reuse: bool = False) -> Made:
    """Generate a world, import it into the dataset folder `dst`, and put its truth there as world.json.

    Args:
        world: what to generate.
        dst: the dataset folder; a generated one that stands there is replaced.
        raw: where the plain files stay; None keeps none.
        reuse: leave `dst` as it is if the same world, with the same settings, is there already.

    Raises:
        DataError: something other than a generated dataset stands at `dst`, or than a world at `raw`.
        StoreError: the disk refuses.
    """
    start = time.perf_counter()
    if reuse and is_dataset(dst) and (dst / FILE).is_file():
        truth = Truth.load(dst)
        if truth.made_by(world.name, world.version, world.config):
            return Made(dst, None, truth, None, time.perf_counter() - start)
    refuse_foreign(dst)
    if is_dataset(dst) and not (dst / FILE).is_file():
        raise DataError(f"the dataset at {dst} is not a generated one, so it is not replaced: choose another place")
    if raw is not None and dst.resolve() in (raw.resolve(), *raw.resolve().parents):
        raise DataError(f"the plain files and the dataset cannot both go to {dst}: name two folders")
    with _folder_for(raw, dst) as files:
        truth = world.write(files)
        with replacing_folder(dst) as aside:
            report = Table(name=world.name, **world.columns).read(files, aside)
            set_before(dst, aside)
            truth.save(aside)
    return Made(dst, raw, truth, replace(report, path=dst), time.perf_counter() - start)


@contextmanager
def _folder_for(raw: Path | None, dst: Path) -> Iterator[Path]:
    if raw is not None:
        yield raw
        return
    # Beside the dataset, so that media can be linked into it rather than copied.
    dst.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dst.name}.", dir=dst.parent) as folder:
        yield Path(folder) / "raw"
