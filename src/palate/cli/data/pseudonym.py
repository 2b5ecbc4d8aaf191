"""`palate data pseudonym ID`: what a user is called in a dataset of pseudonyms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, emit
from palate.cli.data import data_app
from palate.core.errors import DataError


@data_app.command()
def pseudonym(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of users, as they came.")],
    key: Annotated[Path, typer.Option("--key", metavar="KEY", help="File of the key to pseudonyms.")],
    ds: Annotated[
        Path | None, typer.Option("--in", metavar="DS", help="Dataset folder that they are in, which is looked up.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the pseudonyms of users, one a line, as in --user $(palate data pseudonym ann --key KEY)."""
    from palate.data.privacy.key import Key

    secret = Key.read(key, *(() if ds is None else (ds,)))
    rows = [{"user_id": name, "pseudonym": secret.pseudonym(name)} for name in ids]
    if ds is not None:
        from palate.data.folder import load
        from palate.data.privacy.pseudonyms import check_key

        data = load(ds, stale=True)
        check_key(data.privacy.key, secret, ds)
        for row in rows:
            if row["pseudonym"] not in data.users:
                raise DataError(f"there is no user '{row['user_id']}' in {ds}: give the id as it was before the import")

    def show() -> None:
        for row in rows:
            typer.echo(row["pseudonym"])

    emit({"rows": rows}, as_json, show)
