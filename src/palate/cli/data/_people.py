"""What the commands about people share: keys, and how what was done for people is printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palate.cli.data._print import counted, figures, say

if TYPE_CHECKING:
    from palate.data.privacy.key import Key


def key_of(path: Path, *folders: Path) -> Key:
    """Return the key at `path`; made there, unless one of the folders holds pseudonyms already.

    Raises:
        DataError: it lies in one of the folders, is no key or another one, or others can read it.
    """
    from palate.data.folder import privacy_of
    from palate.data.privacy.key import Key
    from palate.data.privacy.pseudonyms import check_key

    held = {folder: privacy_of(folder).key for folder in folders}
    key = Key.read(path, *folders) if any(held.values()) else Key.made(path, *folders)
    for folder, fingerprint in held.items():
        check_key(fingerprint, key, folder)
    return key


def show_protected(done: Mapping[str, Any], key: Path | None, folder: Path) -> None:
    """Print what was done for people."""
    rows = {}
    if done["pseudonyms"]:
        rows["pseudonyms"] = f"{done['pseudonyms']:,} users, by the key {done['key']}"
    elif done["key"]:
        rows["pseudonyms"] = f"there already, by the key {done['key']}"
    for column, counts in done["masked"].items():
        rows[column] = "masked " + ", ".join(f"{count:,} [{kind}]" for kind, count in counts.items())
    if done["files"]:
        rows["media"] = f"{done['files']:,} files"
    figures(rows)
    if done["left"]:
        say(f"files that keep their metadata, listed in {folder / 'quarantine.parquet'}:")
        counted(done["left"])
    if done["dropped"]:
        say(f"parts made of texts as they stood before, left out: {', '.join(done['dropped'])}")
    if key is not None and done["pseudonyms"]:
        say(f"keep {key} safe and apart: without it nobody can tell whose pseudonym is whose")
