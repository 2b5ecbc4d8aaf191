"""Which column of which table was meant, where an import names columns by type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from palate.core.errors import DataError, did_you_mean
from palate.data.catalogue import VALUE_TYPES, ColumnType
from palate.data.features import OF, Of


@dataclass(frozen=True)
class Declared:
    """A typed column: its name in the dataset, and the column or the folder of files that it comes from."""

    name: str
    where: str
    kind: ColumnType
    of: Of
    folder: bool = False


def place_columns(
    named: Iterable[tuple[str, str, ColumnType]],
    tables: Mapping[Of, Sequence[str]],
    is_folder: Callable[[str], bool],
) -> list[Declared]:
    """Find the table of each column that was named.

    A name may begin with `users.`, `interactions.` or `items.` and so say whose it is. Else it is taken from the items
    and the users, wherever there is such a column; else from the interactions; else from a folder of the items.

    Args:
        named: name, column or folder, and type.
        tables: the columns of each table that there is.
        is_folder: whether a folder of that name is there.

    Raises:
        DataError: there is neither such a column nor such a folder, or two columns of a table would have one name.
    """
    columns = [found for name, where, kind in named for found in _placed(name, where, kind, tables, is_folder)]
    known: dict[tuple[Of, str], Declared] = {}
    for column in columns:
        other = known.setdefault((column.of, column.name), column)
        renamed = f"--{column.kind} {'' if column.of == 'items' else f'{column.of}.'}my-{column.name}={column.where}"
        if other is not column:
            raise DataError(
                f"the column '{column.name}' of {column.of} was named twice, for {other.kind} and for {column.kind}: name "
                f"it once, or give one of them another name, as in {renamed}"
            )
        if column.folder and column.name in tables.get(column.of, ()):
            raise DataError(
                f"'{column.name}' is a column of {column.of}, so that the files in '{column.where}' cannot be called so "
                f"too: give them another name, as in {renamed}"
            )
    return columns


def _placed(
    full: str, where: str, kind: ColumnType, tables: Mapping[Of, Sequence[str]], is_folder: Callable[[str], bool]
) -> list[Declared]:
    of, name = _whose(full)
    where = name if where == full else where
    if of is not None and of not in tables:
        raise DataError(f"'{full}' is a column of {of} and there is no table of them: name it with --{of}")
    among = [of] if of is not None else [of for of in ("items", "users") if where in tables.get(of, ())]
    among = among or [of for of in ("interactions",) if where in tables.get(of, ())]
    columns = [Declared(name, where, kind, of) for of in among if where in tables[of]]
    if columns:
        return columns
    if kind not in VALUE_TYPES and is_folder(where):
        if of == "interactions":
            raise DataError(
                f"'{full}' was to come from the folder '{where}', and interactions have no ids that files could be "
                "called after: give a column of paths"
            )
        return [Declared(name, where, kind, of or "items", folder=True)]
    there = {column for known in ([of] if of else OF) for column in tables.get(known, ())}
    what = "neither a column nor a folder" if kind not in VALUE_TYPES else "no column"
    raise DataError(f"there is {what} '{where}' for the {kind} column '{full}': {did_you_mean(where, there)}")


def _whose(full: str) -> tuple[Of | None, str]:
    for of in OF:
        if full.startswith(f"{of}.") and len(full) > len(of) + 1:
            return of, full[len(of) + 1 :]
    return None, full
