"""One person taken out of the tables, the parts and the media of a dataset folder."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import safe_open

from palate.core.errors import StoreError
from palate.core.ids import IdMap
from palate.core.state import write_arrays
from palate.core.types import Mask
from palate.data import folder, quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.feature_folder import BEFORE, CONTENT, FEATURES, SPEECH, load_part, log_of, part_of, save_features
from palate.data.features import OF, Of, part_name
from palate.data.media import EXTENSIONS, bring, fetched, is_url
from palate.data.privacy.mention import Mention
from palate.data.privacy.search import as_text

_MEDIA = frozenset().union(*EXTENSIONS.values())
_MEANT = ("user_id", "item_id", "step", "split")
"""Columns whose values mean something else than a person, or are ids of theirs."""
TABLES = ("interactions.parquet", "users.parquet", "items.parquet", quarantine.FILE)


@dataclass
class Erasure:
    """One folder being written without a person, and what went."""

    old: Path
    new: Path
    person: Mention
    mask: bool
    """Whether mentions by others are masked."""
    removed: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    kept: dict[str, Mask] = field(default_factory=dict)
    """Table -> bool[rows]: what stays of it."""
    touched: dict[str, Mask] = field(default_factory=dict)
    """Column, as a part is called -> bool[rows that stay]: where something was masked."""

    def tables(self) -> None:
        """Write interactions, users, items and quarantine without the person."""
        for name in TABLES:
            if (self.old / name).is_file():
                table = pl.read_parquet(self.old / name, memory_map=False)
                keep = self._theirs(table, name)
                if not keep.all():
                    self.removed[name] = int((~keep).sum())
                self.kept[name] = keep.to_numpy()
                table = self._others(table.filter(keep), name)
                table.write_parquet(self.new / name)

    def _theirs(self, table: pl.DataFrame, name: str) -> pl.Series:
        """Return bool[rows]: which are not of the person."""
        user = self.person.user
        if name == quarantine.FILE:
            ids = table["id"].fill_null("")
            whole = (ids == user) & (table["place"].fill_null("").str.starts_with("users") | (not self.person.item))
            return ~(whole | ids.str.starts_with(f"{user} → ") | self._named_after(table["value"]))
        if "user_id" not in table.columns:
            return pl.repeat(True, table.height, dtype=pl.Boolean, eager=True)
        return (table["user_id"] != user).fill_null(True)

    def _named_after(self, values: pl.Series) -> pl.Series:
        """Return bool[rows]: which name a media file that is called after the person."""
        mine = np.zeros(len(values), bool)
        mine[self.person.rows(values) if self.person.distinct else []] = True
        return pl.Series(mine) & values.fill_null("").str.starts_with("media/")

    def _others(self, table: pl.DataFrame, name: str) -> pl.DataFrame:
        """Mask what others say of the person: a cell that is the id becomes empty, in a text the id becomes [user]."""
        if not self.mask:
            return table
        of = name.removesuffix(".parquet")
        for column in table.columns:
            cells = table[column]
            if cells.dtype == pl.List(pl.String):
                table = self._lists(table, cells, name)
            if column in _MEANT or cells.dtype != pl.String:
                continue
            rows = [row for row in self.person.rows(cells) if not cells[row].startswith("media/")]
            if not rows:
                continue
            fresh = [None if cells[row] == self.person.user else self.person.masked(cells[row])[0] for row in rows]
            self.masked[f"{name} {column}"] += len(rows)
            mask = np.zeros(len(cells), bool)
            mask[rows] = True
            self.touched[part_name(column, of)] = mask  # type: ignore[arg-type]
            table = table.with_columns(cells.clone().scatter(rows, fresh))
        return table

    def _lists(self, table: pl.DataFrame, cells: pl.Series, name: str) -> pl.DataFrame:
        """Take the id out of lists, such as one of friends."""
        count = int(cells.list.contains(self.person.user).sum())
        if not count:
            return table
        self.masked[f"{name} {cells.name}"] += count
        return table.with_columns(pl.col(cells.name).list.eval(pl.element().filter(pl.element() != self.person.user)))

    def parts(self, before: Dataset) -> None:
        """Write the parts without the rows of the person; parts whose encoder has learned from them go as a whole."""
        after = folder.load(self.new)
        for path in sorted((self.old / FEATURES).glob("[!.]*/")):
            of = part_of(path)
            touched = [
                mask for name, mask in self.touched.items() if path.name == name or path.name.startswith(f"{name}.")
            ]
            if of == "items" and not touched:
                _link(path, self.new / FEATURES / path.name)
            elif of is None or not self._part(path, of, before, after, touched):
                self.dropped.append(path.name)
        for path in sorted((self.old / FEATURES / BEFORE).glob("*/")):
            if part_of(path) == "items" and path.name not in self.touched:
                _link(path, self.new / FEATURES / BEFORE / path.name)
            else:
                self.removed[f"{FEATURES}/{BEFORE}"] += 1

    def _part(self, path: Path, of: str, before: Dataset, after: Dataset, touched: Iterable[Mask]) -> bool:
        """Write one part; returns whether it could be."""
        if (path / "encoder.json").is_file():
            return False
        try:
            table, whose = load_part(path)
        except StoreError:  # damaged: it is to be encoded again in any case
            return False
        if isinstance(whose, IdMap):
            rows = np.flatnonzero(np.array([name != self.person.user or of == "items" for name in whose.ids]))
            ids: IdMap | str = IdMap(whose.ids[row] for row in rows)
        else:
            if whose != log_of(before.interactions, before.users, before.items, table):
                return False
            rows = np.flatnonzero(self.kept["interactions.parquet"])
            ids = ""
        fresh = table.take(rows) if len(rows) < len(table) else table
        for mask in touched:
            fresh = fresh.dropped(mask) if len(mask) == len(fresh) else fresh
        if ids == "":
            ids = log_of(after.interactions, after.users, after.items, fresh)
        save_features(self.new, path.name, fresh, ids)
        if len(rows) < len(table):
            self.removed[f"{FEATURES}/{path.name}"] = len(table) - len(rows)
        self._content(path / CONTENT, self.new / FEATURES / path.name / CONTENT, rows, fresh.source)
        return True

    def _content(self, old: Path, new: Path, rows: np.ndarray, source: str) -> None:
        """Write the digests of contents without those of the person."""
        if old.is_file():
            with safe_open(old, "np") as file:
                keys, note = file.get_tensor("keys"), json.loads(file.metadata()["note"])
            write_arrays(new, {"keys": keys[rows]}, json.dumps({**note, "source": source}, sort_keys=True))

    def files(self, before: Dataset) -> None:
        """Bring along everything else, but for the media of the person and what was heard in them."""
        theirs = self._media(before)
        digests = {hashlib.blake2b((self.old / name).read_bytes(), digest_size=16).hexdigest() for name in theirs}
        for path in sorted(self.old.rglob("*")):
            inside = path.relative_to(self.old)
            if not path.is_file() or inside.parts[0] in TABLES or path.suffix == ".lock":
                continue
            if inside.as_posix() in theirs:
                self.removed["media"] += 1
            elif inside.parts[0] == FEATURES:
                if len(inside.parts) > 1 and inside.parts[1] == SPEECH:
                    self._heard(path, self.new / inside, digests)
            else:
                self._file(path, self.new / inside)

    def _media(self, before: Dataset) -> set[str]:
        """Return the media files that nobody has but the person, and those that are called after them alone."""
        mine, rest = set[str](), set[str]()
        for of in OF:
            table = before.table_of(of)
            owned = self._owned(before, of)
            for path, own in (
                (path, own) for name in table.file_columns for path, own in zip(_files(table, name), owned, strict=True)
            ):
                if path:
                    (mine if own else rest).add(path)
        if self.person.distinct:
            media = (path for path in (self.old / "media").rglob("*") if path.is_file())
            names = {path.relative_to(self.old).as_posix() for path in media}
            mine |= {name for name in names if self.person.spans(name)}
        return {name for name in mine - rest if (self.old / name).is_file()}

    def _owned(self, before: Dataset, of: Of) -> list[bool]:
        if of == "items":
            return [False] * len(before.items)
        if of == "users":
            return [name == self.person.user for name in before.users.ids]
        return (~self.kept["interactions.parquet"]).tolist() if len(before.interactions) else []

    def _heard(self, old: Path, new: Path, digests: set[str]) -> None:
        """Bring along what was heard in sounds, without those of the person."""
        lines = [line for line in old.read_text(encoding="utf-8", errors="replace").split("\n") if line]
        kept = [line for line in lines if not any(digest in line for digest in digests) and not self.person.spans(line)]
        if len(kept) < len(lines):
            self.removed[f"{FEATURES}/{SPEECH}"] += len(lines) - len(kept)
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text("".join(f"\n{line}\n" for line in kept), encoding="utf-8")

    def _file(self, old: Path, new: Path) -> None:
        """Bring along a file that is no part of the format, or the manifest; a mention in it is masked."""
        plain = self.mask and old.suffix.lower() not in _MEDIA and old != self.old / folder.MANIFEST
        text = as_text(old.read_bytes()) if plain else None
        fresh, count = ("", 0) if text is None else self.person.masked(text)
        if not count:
            bring(old, new)
            return
        self.masked[self.person.masked(old.name)[0]] += count
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(fresh, encoding="utf-8")


def _files(table: Catalogue, name: str) -> list[str | None]:
    """Return where in the folder the file of each row lies."""
    return [fetched(value) if value and is_url(value) else value for value in table.paths(name).to_list()]


def _link(old: Path, new: Path) -> None:
    for path in old.rglob("*"):
        if path.is_file():
            bring(path, new / path.relative_to(old))
