"""A person removed from a dataset folder: every row, file and vector of theirs, and a receipt for it.

The folder is written anew beside itself and put in its place, so that it is whole at every moment. The receipt stands in
the new one from the start, unfinished: whoever is killed runs the same command again, which knows the person by it.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from palate.core.errors import DataError, StoreError
from palate.core.files import locked, recover, replacing_folder
from palate.core.weights import cache_folder
from palate.data import folder, quarantine
from palate.data.dataset import Dataset
from palate.data.privacy.erase import Erasure
from palate.data.privacy.key import Key
from palate.data.privacy.mention import Mention
from palate.data.privacy.pseudonyms import check_key
from palate.data.privacy.receipt import Receipt, digest, now, salt_of
from palate.data.privacy.search import search

GRAPHS = "graphs"
"""The room of the cache whose arrays may be made of people's reviews."""
_MANY = 100_000


@contextmanager
def alone(ds: Path) -> Iterator[None]:
    """Keep other erasures out of a dataset folder, and make good what a killed one left.

    Raises:
        DataError: another one is at work.
        StoreError: the disk refuses.
    """
    place = ds.resolve()
    recover(place)
    if not place.exists():
        folder.load(ds)  # says what is wrong
    try:
        with locked(place.with_name(f".{place.name}.forget.lock"), timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"another process is removing somebody from {ds}: wait until it ends") from error


def known_as(ds: Path, user: str, key: Key | None) -> str:
    """Return what a person is called in a dataset: the pseudonym, where ids are pseudonyms.

    Raises:
        DataError: the key is another one, or the dataset has no pseudonyms.
    """
    recover(ds)
    held = folder.privacy_of(ds).key
    if key is None:
        return user
    if not held:
        raise DataError(f"the ids of {ds} are no pseudonyms: leave out --key")
    check_key(held, key, ds)
    return key.pseudonym(user)


def forget(ds: Path, user: str, mentions: bool | None = None, known: bool = False) -> tuple[Receipt, Mention]:
    """Remove a person from a dataset folder; returns the receipt, unfinished, and what to search for.

    Where a receipt of this person is there already, and they are not in the dataset, nothing is done and it is returned.

    Args:
        ds: the folder.
        user: the id as the dataset has it.
        mentions: whether the id is masked where others mention it; None masks it where it can hardly mean anything
            else: six bytes or more, neither a word nor a number, and no id of an item.
        known: whether a bundle knows them, so that there is something to be done where the dataset does not.

    Raises:
        DataError: there is no such person, or no such folder.
        StoreError: a file is damaged, or the disk refuses; what stood there is untouched.
    """
    data = folder.load(ds, stale=True)
    receipts = Receipt.all_in(ds)
    mine = [receipt for receipt in receipts if receipt.concerns(user)]
    person = Mention(user, {*data.users.ids, *data.items.ids}, user in data.items)
    if user not in data.users and not _set_aside(ds, person):
        if mine:
            return mine[-1], person
        if not known:
            raise DataError(_unknown(ds, user, data))
    mask = person.distinct if mentions is None else mentions
    salt = salt_of(receipts)
    cleared = _clear_cache() if any(table.of == "interactions" for table in data.features.values()) else 0
    with replacing_folder(ds) as aside:
        work = Erasure(ds, aside, person, mask)
        work.tables()
        work.files(data)
        work.parts(data)
        after = folder.load(aside, stale=True)
        receipt = Receipt(
            begun=now(), salt=salt, digest=digest(user, salt), dataset=data.name, before=data.fingerprint, after=after.fingerprint,
            removed=dict(work.removed), masked=dict(work.masked), dropped=tuple(work.dropped),
            cache=cleared,
        )  # fmt: skip
        receipt.write(aside)
    return receipt, person


def finish(
    ds: Path, receipt: Receipt, person: Mention, bundles: Sequence[tuple[Path, dict[str, object]]] = ()
) -> Receipt:
    """Search every file for the id, and write the receipt; `bundles` are those that were dealt with.

    Raises:
        StoreError: the id of the person still stands somewhere, which the receipt tells.
    """
    found = search([ds, *(path for path, _ in bundles)], person)
    told = {str(bundle["path"]): bundle for _, bundle in bundles}
    told |= {
        str(bundle["path"]): bundle for bundle in receipt.bundles if bundle["known"] or str(bundle["path"]) not in told
    }
    beside = {
        f"left beside: {left.name}": 1 for end in ("part", "old") for left in ds.parent.glob(f".{ds.name}.*.{end}")
    }
    receipt = receipt.model_copy(
        update={
            "bundles": tuple(told.values()),
            "files": found.files,
            "bytes": found.bytes,
            "found": found.theirs,
            "elsewhere": found.elsewhere | beside,
            "unread": found.unread,
            "finished": None if found.theirs else now(),
        }
    )
    path = receipt.write(ds)
    if found.theirs:
        raise StoreError(
            f"the id still stands in {', '.join(found.theirs)}, as {path} tells: run the same command again"
        )
    return receipt


def _clear_cache() -> int:
    """Remove graphs that may be made of reviews; returns how many files. They are made again when they are needed."""
    room = cache_folder() / GRAPHS
    if not room.is_dir():
        return 0
    count = sum(1 for _ in room.iterdir())
    shutil.rmtree(room, ignore_errors=True)
    return count


def _set_aside(ds: Path, person: Mention) -> bool:
    ids = quarantine.read(ds)["id"].fill_null("")
    return bool((ids.str.starts_with(f"{person.user} → ") | ((ids == person.user) & (not person.item))).any())


def _unknown(ds: Path, user: str, data: Dataset) -> str:
    near = difflib.get_close_matches(user, data.users.ids[:_MANY], n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {len(data.users):,} users"
    if data.privacy.key:
        hint += "; ids there are pseudonyms: to give the id as it came, add --key KEY"
    return f"there is no user '{user}' in {ds}: {hint}"
