"""`palate data import FORMAT SRC DST`: bring data in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, emit
from palate.cli._modalities import modal
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._people import show_protected
from palate.cli.data._print import counted, figures, say
from palate.core.errors import ConfigError, DataError
from palate.data.features import OF
from palate.data.sources import Report, registry

if TYPE_CHECKING:
    from palate.data.privacy.protect import Protection

_Columns = list[str] | None
Text = Annotated[_Columns, typer.Option("--text", help="Columns of text: title,overview, NAME=COLUMN, users.bio.")]
Image = Annotated[
    _Columns, typer.Option("--image", help="Columns of paths, or NAME=FOLDER of ITEM_ID.ext; users.NAME too.")
]
Audio = Annotated[_Columns, typer.Option("--audio", help="The same for sounds.")]
Video = Annotated[_Columns, typer.Option("--video", help="The same for videos.")]
Number = Annotated[_Columns, typer.Option("--number", help="Columns of numbers.")]
Category = Annotated[_Columns, typer.Option("--category", help="Columns of categories.")]
Date = Annotated[_Columns, typer.Option("--date", help="Columns of days, as in 2026-01-31.")]
Column = Annotated[
    _Columns, typer.Option("--column", help="ROLE=COLUMN; roles: user, item, weight, timestamp, kind, text, split.")
]


@data_app.command("import")
@modal("table: columns of {}: values, or paths of files; NAME=FOLDER of ITEM_ID.ext.", "COLUMNS", list[str])
def import_(
    source: Annotated[str, typer.Argument(metavar="FORMAT", help="'palate data formats' lists them.")],
    src: Annotated[Path, typer.Argument(metavar="SRC", help="File or folder to import.")],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="Dataset folder to write.")],
    interactions: Annotated[str | None, typer.Option(help="table: file of interactions.")] = None,
    items: Annotated[str | None, typer.Option(help="table: file of items.")] = None,
    users: Annotated[str | None, typer.Option(help="table: file of users.")] = None,
    text: Text = None,
    image: Image = None,
    audio: Audio = None,
    video: Video = None,
    number: Number = None,
    category: Category = None,
    date: Date = None,
    column: Column = None,
    media: Annotated[str | None, typer.Option(help="table: folder that media paths are relative to.")] = None,
    encoding: Annotated[str | None, typer.Option(help="table: encoding of text files, as in gb18030.")] = None,
    parts: Annotated[str | None, typer.Option(help="recbole: middle names of NAME.PART.inter, train first.")] = None,
    positive: Annotated[str | None, typer.Option(help='What counts as liked, as in "weight>=4".')] = None,
    protect: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="Pseudonyms by this key, texts masked, media without metadata."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the dataset.")] = None,
    licence: Annotated[str | None, typer.Option(help="Terms under which the data may be used.")] = None,
    as_json: AsJson = False,
    **others: _Columns,
) -> None:
    """Import a table or a published data set into a dataset folder."""
    plain = {
        "interactions": interactions, "items": items, "users": users, "media": media, "encoding": encoding,
        "parts": parts, "positive": positive, "name": name, "licence": licence,
    }  # fmt: skip
    maps = {
        "text": text,
        "image": image,
        "audio": audio,
        "video": video,
        "number": number,
        "category": category,
        "date": date,
    }
    settings: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
    settings |= {key: _named(words) for key, words in maps.items() if words}
    if more := {kind: _named(words) for kind, words in others.items() if words}:
        settings["others"] = more
    if column:
        settings["columns"] = _roles(column)
    kind = registry.get(source)
    for key in settings:
        if key not in kind.config_type.model_fields:
            option = {"columns": "column", "others": next(iter(more), "")}.get(key, key)
            raise ConfigError(f"the format '{source}' takes no --{option}: leave it out, or import as 'table'")
    report = kind(**settings).read(src, dst, _protection(protect, src, dst))
    emit(report.as_dict(), as_json, lambda: _show(report, protect))


def _protection(key: Path | None, src: Path, dst: Path) -> Protection | None:
    if key is None:
        return None
    from palate.cli.data._people import key_of
    from palate.data.privacy.protect import Protection

    if not src.exists():
        raise DataError(f"there is no file or folder at {src}: name what to import")
    return Protection(key_of(key, dst))


def _named(words: list[str]) -> dict[str, str]:
    """Read `title,overview` and `poster=posters`."""
    found = {}
    for word in (part.strip() for group in words for part in group.split(",") if part.strip()):
        name, equals, where = word.partition("=")
        found[name] = where if equals else name
    return found


def _roles(words: list[str]) -> dict[str, str]:
    found = _named(words)
    for word in words:
        if "=" not in word:
            raise ConfigError(f"--column was given '{word}': write ROLE=COLUMN, as in user=visitor")
    return found


def _show(report: Report, key: Path | None) -> None:
    say(f"imported '{report.name}' into {report.path} in {report.seconds:.1f} s")
    rows = {
        "users": f"{report.users:,}",
        "items": f"{report.items:,}",
        "interactions": f"{report.interactions:,}, of which {report.liked:,} count as liked ({report.positive})",
    }
    for column, kind in report.columns.items():
        of = next((of for of in OF if column.startswith(f"{of}.")), "items")
        met = f", {report.media[column]:,} of {getattr(report, of):,} {of}" if column in report.media else ""
        rows[column] = kind + met
    for part, count in report.parts.items():
        rows[part] = f"ready-made part, {count:,} of {report.items:,} items"
    figures(rows)
    if report.privacy is not None:
        show_protected(report.privacy, key, report.path)
    for note in report.notes:
        say(f"note: {note}")
    if report.rejected:
        say(f"set aside: {sum(report.rejected.values()):,}, listed in {report.path / 'quarantine.parquet'}")
        counted(report.rejected)
    else:
        say("set aside: nothing")
    say_next(["data", "check", report.path])
