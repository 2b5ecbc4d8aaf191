"""`palate encode`: raw texts, pictures and sounds to vectors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._augmenting import Augment, Count, Seed, seeing, views_of
from palate.cli._modalities import modal
from palate.cli._next import say_next, typed
from palate.core.config import parse_settings
from palate.core.errors import ConfigError, DataError, RequestError
from palate.data.features import OF

if TYPE_CHECKING:
    from palate.data.catalogue import Catalogue
    from palate.data.dataset import Dataset
    from palate.data.features import Of
    from palate.encoders import Encoder
    from palate.encoders.pipeline import Encoded
    from palate.encoders.speech import Recogniser, Transcribed


@app.command()
@modal("Encoder of every {} column.", "ENC", str)
def encode(
    folder: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder.")],
    text: Annotated[str | None, typer.Option("--text", metavar="ENC", help="Encoder of every text column.")] = None,
    image: Annotated[
        str | None, typer.Option("--image", metavar="ENC", help="Encoder of every picture column.")
    ] = None,
    audio: Annotated[
        str | None,
        typer.Option("--audio", metavar="ENC", help="Encoder of every sound column, and of the sound of every video."),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option("--video", metavar="ENC", help="Encoder of every video column; with video, its movement too."),
    ] = None,
    speech: Annotated[
        str | None,
        typer.Option("--speech", metavar="REC", help="Recogniser of what is said in every sound and video column."),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", metavar="NAME=ENC", help="Encoder of one column; may be repeated.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.KEY=VALUE",
            help="A setting of a column's encoder or recogniser, as title.dim=64 or voice.speech.language=zh, or of an augmentation of it, as "
            "photo.crop.least=0.8.",
        ),
    ] = None,
    augment: Augment = None,
    views: Count = None,
    seed: Seed = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try broken files once more, as after a decoder crashed or took too long.")
    ] = False,
    of: Annotated[str, typer.Option("--of", help="Whose columns: items, users or interactions.")] = "items",
    as_json: AsJson = False,
    **others: str | None,
) -> None:
    """Turn columns of the items, of the users or of the interactions into vectors, stored in the dataset folder.

    The sound track of a video column `trailer` is `trailer.sound`: --column trailer.sound=mel encodes it alone. How things
    move in it is `trailer.motion`: --video video makes both `trailer` and, with the encoder motion, `trailer.motion`.
    What is said in the sounds or videos `voice` becomes the text column `voice.speech` (--speech whisper-base, or --column
    voice.speech=whisper-base), which --text encodes as any other, in the same command or later.
    With --augment, the vector of a value is the mean over views of it, such as a picture and its mirror image; a search asks without.
    A part of interactions, such as reviews, is read by models as a part of the items: the mean of each item's own.
    What was encoded before is not encoded again; a run that was stopped goes on where it stood.
    """
    from palate.data.folder import load
    from palate.encoders.pipeline import encode_columns, modality_of
    from palate.encoders.speech import transcribe_columns

    whose = _whose(of)
    data = load(folder, stale=True)
    pairs = _pairs(column or [])
    heard: list[Transcribed] = []
    wanted = settings or []
    if spoken := _spoken(data, whose, speech, pairs):
        recognisers, wanted = _recognisers(spoken, wanted, set(pairs) if text is None else None)
        data, heard = transcribe_columns(data, recognisers, whose, retry)
    by_type = {"text": text, "image": image, "audio": audio, "video": video, **others}
    asked = _asked(data, whose, by_type, pairs, needed=not spoken)
    kinds = {name: modality_of(data.table_of(whose), name) for name in asked}
    seen, wanted = views_of(kinds, augment or [], views, seed, wanted)
    encoders = seeing(_set_up(data, whose, asked, wanted), seen, kinds)
    _, done = encode_columns(data, encoders, whose, retry)
    answer = {"rows": [_row(part) for part in done]} | ({"speech": [asdict(one) for one in heard]} if heard else {})
    emit(answer, as_json, lambda: _show(folder, done, heard, _next(folder, data, whose)))


def _whose(of: str) -> Of:
    for known in OF:
        if of == known:
            return known
    raise RequestError(f"--of was '{of}': allowed are {', '.join(OF)}")


def _pairs(by_name: list[str]) -> dict[str, str]:
    """Read what --column says: the name of a column or of a view of one, and an encoder or a recogniser."""
    pairs: dict[str, str] = {}
    for pair in by_name:
        name, equals, encoder = pair.partition("=")
        if not (name and equals and encoder):
            raise RequestError(
                f"'{pair}' does not say which encoder: write --column NAME=ENC, as in --column title=use"
            )
        if pairs.get(name, encoder) != encoder:
            raise RequestError(
                f"--column was given twice for '{name}', with {pairs[name]} and with {encoder}: choose one"
            )
        pairs[name] = encoder
    return pairs


def _spoken(data: Dataset, of: Of, speech: str | None, pairs: dict[str, str]) -> dict[str, str]:
    """Return the recogniser's name for each column that is to be listened to; takes these out of `pairs`."""
    from palate.encoders.speech import VIEW, registry, speech_columns

    spoken: dict[str, str] = {}
    if speech is not None:
        registry.get(speech)
        columns = speech_columns(data.table_of(of))
        if not columns:
            raise DataError(f"there is no column of sound or video to listen to with '{speech}': {_columns(data, of)}")
        spoken = dict.fromkeys(columns, speech)
    for name in [name for name, choice in pairs.items() if choice in registry.names()]:
        if not name.endswith(VIEW):
            raise RequestError(
                f"'{name}={pairs[name]}' would turn sounds into text: write --column {name}{VIEW}={pairs[name]}"
            )
        spoken[name.removesuffix(VIEW)] = pairs.pop(name)
    return spoken


def _recognisers(
    spoken: dict[str, str], settings: list[str], encoded: set[str] | None
) -> tuple[dict[str, str | Recogniser[Any]], list[str]]:
    """Return a recogniser with its settings for each column that has some, the name for the others, and what is left.

    Where the text is `encoded` in the same command (None: all are), a setting that the recogniser does not know is left.
    """
    from palate.encoders.speech import VIEW, registry

    recognisers: dict[str, str | Recogniser[Any]] = dict(spoken)
    left = list(settings)
    for name, choice in spoken.items():
        start, kind = f"{name}{VIEW}.", registry.get(choice)
        shared = encoded is None or f"{name}{VIEW}" in encoded
        keys = tuple(f"{start}{key}=" for key in kind.config_type.model_fields) if shared else (start,)
        if own := [setting for setting in left if setting.startswith(keys)]:
            left = [setting for setting in left if setting not in own]
            recognisers[name] = kind(**parse_settings([setting.removeprefix(start) for setting in own]))
    return recognisers, left


def _asked(
    data: Dataset, of: Of, by_type: dict[str, str | None], pairs: dict[str, str], *, needed: bool
) -> dict[str, str]:
    """Return the encoder's name for each column that is to be encoded; a column's own choice goes first."""
    from palate.encoders.pipeline import columns_of

    asked: dict[str, str] = {}
    for kind, encoder in by_type.items():
        if encoder is not None:
            columns = columns_of(data.table_of(of), kind)
            if not columns:
                raise DataError(
                    f"there is no {kind} column to encode with '{encoder}': 'palate data import' makes one by --{kind} "
                    f"{'' if of == 'items' else f'{of}.'}NAME; {_columns(data, of)}"
                )
            asked.update(dict.fromkeys(columns, encoder))
            asked.update(_beside(data.table_of(of), columns, encoder))
    asked.update(pairs)
    if needed and not asked:
        raise RequestError(f"say what to encode and how: {_columns(data, of)}")
    return asked


def _beside(catalogue: Catalogue, columns: list[str], encoder: str) -> dict[str, str]:
    """Return the encoders of what one leaves to parts of their own, as `clip.motion` beside `clip`."""
    from palate.encoders import registry

    views = {} if ":" in encoder else registry.get(encoder).beside
    pairs = {f"{column}.{view}": other for column in columns for view, other in views.items()}
    return {name: other for name, other in pairs.items() if name not in catalogue.table.columns}


def _set_up(data: Dataset, of: Of, asked: dict[str, str], settings: list[str]) -> dict[str, str | Encoder[Any]]:
    """Return an encoder with its settings for each column that has some, and the name for the others."""
    from palate.encoders import named
    from palate.encoders.pipeline import modality_of

    by_column: dict[str, list[str]] = {}
    for setting in settings:
        place = setting.partition("=")[0]
        column, dot, _ = place.rpartition(".")  # a column may have dots of its own, as clip.sound
        if not dot or column not in asked:
            raise ConfigError(
                f"--set {setting} is of no column that is encoded here: write NAME.KEY=VALUE, where NAME is one of "
                f"{', '.join(asked) or 'the columns that are'}"
            )
        by_column.setdefault(column, []).append(setting.removeprefix(f"{column}."))
    set_up: dict[str, str | Encoder[Any]] = dict(asked)
    for column, pairs in by_column.items():
        set_up[column] = named(asked[column], modality_of(data.table_of(of), column), **parse_settings(pairs))
    return set_up


def _columns(data: Dataset, of: Of) -> str:
    """Return a clause that lists the columns that can be encoded, with the encoders for each."""
    from palate.encoders import registry
    from palate.encoders.pipeline import columns_of

    choices: dict[str, list[str]] = {}
    for encoder in sorted(map(registry.get, registry.names()), key=lambda encoder: (encoder.scheme, encoder.name)):
        choice = f"{encoder.scheme}:MODEL" if encoder.scheme else encoder.name
        choices.setdefault(encoder.modality, []).append(choice)
    columns = {kind: columns_of(data.table_of(of), kind) for kind in choices}
    listed = [
        f"{', '.join(names)} ({kind}: --{kind} {' | '.join(choices[kind])})" for kind, names in columns.items() if names
    ]
    if not listed:
        return f"the {of} have no column of text, pictures or sound"
    return f"the columns {'' if of == 'items' else f'of {of} '}are {'; '.join(listed)}"


def _row(part: Encoded) -> dict[str, object]:
    return {
        "part": part.part,
        "encoder": part.encoder,
        "views": part.views,
        "dim": part.dim,
        "rows": part.rows,
        "present": part.present,
        "coverage": part.coverage,
        "encoded": part.computed,
        "reused": part.reused,
        "quarantined": part.quarantined,
        "seconds": round(part.seconds, 3),
    }


def _next(folder: Path, data: Dataset, of: Of) -> list[str | Path]:
    if not len(data.interactions):
        return ["train", folder, "--model", "vector-space", "--out", f"{folder}.palate"]
    # what has learned from the training rows of the split column fits no other split
    cut = of == "interactions" and data.interactions.column("split") is not None
    how = ["--how", "as-labelled"] if cut else []
    return ["compare", folder, "--models", "popularity,content-knn,item-knn,ease", *how]


def _show(folder: Path, done: list[Encoded], heard: list[Transcribed], following: list[str | Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("part", style="bold", overflow="fold")
    table.add_column("encoder", no_wrap=True)
    viewed = any(part.views > 1 for part in done)
    for heading in (*(["views"] if viewed else []), "dim", "rows", "coverage", "new", "reused", "bad", "secs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in done:
        numbers = (part.dim, f"{part.rows:,}", f"{part.coverage:.1%}", f"{part.computed:,}", f"{part.reused:,}")
        views = [str(part.views)] if viewed else []
        table.add_row(
            part.part, part.encoder, *views, *map(str, numbers), f"{part.quarantined:,}", f"{part.seconds:.1f}"
        )
    console = Console()
    for one in heard:
        console.print(
            f"{one.column}: text in {one.present:,} of {one.rows:,} rows by {one.recogniser}, {one.heard:,} listened to in "
            f"{one.seconds:.1f} s",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
    if done:
        console.print(table)
        console.print(f"in {folder / 'features'}", soft_wrap=True, highlight=False)
    if sum(part.quarantined for part in done) + sum(one.quarantined for one in heard):
        typer.echo(f"why some are bad: {typed('data', 'check', folder)}")
        typer.echo("the same command with --retry tries them once more")
    say_next(following)
