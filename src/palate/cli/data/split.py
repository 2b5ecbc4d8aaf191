"""`palate data split DS --how NAME`: train, validation and test, written into the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import figures, say
from palate.core.config import parse_settings
from palate.data import folder
from palate.data.interactions import LABELS
from palate.data.split import registry
from palate.data.split._base import label_column


@data_app.command()
def split(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder.")],
    how: Annotated[
        str, typer.Option(help="random-per-user, leave-last-out, global-time or cold-items.")
    ] = "random-per-user",
    seed: Annotated[int, typer.Option(help="Of the random choices.")] = 0,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting of it, as in test=0.2.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cut a dataset into train, validation and test, and write that into its column 'split'."""
    splitter = registry.get(how)(**parse_settings(settings or []))
    data = folder.load(ds)
    labels = splitter.labels_of(data, seed)
    folder.save_split(ds, label_column(labels))
    rows = {part: int((labels == code).sum()) for code, part in enumerate(LABELS)}
    users = {part: len(np.unique(data.interactions.user[labels == code])) for code, part in enumerate(LABELS)}

    def show() -> None:
        say(f"split {ds} by {how}, seed {seed}, into the column 'split' of its interactions")
        figures({part: f"{count:,} interactions of {users[part]:,} users" for part, count in rows.items()})
        say_next(["train", ds, "--model", "item-knn", "--how", "as-labelled", "--out", "model.palate"])

    emit({"path": str(ds), "how": how, "seed": seed, "interactions": rows, "users": users}, as_json, show)
