"""Write docs/reference/ from the code: commands, parts with their settings, the Python names.

python tools/reference.py          writes the pages
python tools/reference.py --check  leaves them and returns 1 where they are not what the code says
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

import palate
from palate.cli import _load_commands
from palate.cli._app import app
from palate.core.config import Config
from palate.core.registry import Registry

PLACE = Path(__file__).parents[1] / "docs" / "reference"
MADE = "Made from the code by `make docs`; a test holds it to be so.\n"
ROOMS = (
    ("data", "data.dataset", "data.interactions", "data.catalogue", "data.features", "data.frames", "data.folder"),
    ("metrics", "metrics"),
    ("evaluation", "evaluation"),
    ("models", "models"),
    ("complete", "complete"),
    ("standardise", "standardise"),
    ("align", "align"),
    ("fusion", "fusion", "fusion.late"),
    ("augment", "augment"),
    ("encoders", "encoders", "encoders.pipeline"),
    ("retrieval", "retrieval"),
    ("explain", "explain"),
    ("bundle", "bundle"),
    ("finetune", "finetune"),
    ("tuning", "tuning"),
)
KINDS = (
    ("Sources", "palate.data.sources", "palate data import"),
    ("Splits", "palate.data.split", "--how"),
    ("Worlds", "palate.data.worlds", "palate data world"),
    ("Encoders", "palate.encoders", "palate encode"),
    ("Augmentations", "palate.augment", "--augment"),
    ("Completers", "palate.complete", "--complete"),
    ("Standardisers", "palate.standardise", "--standardise"),
    ("Aligners", "palate.align", "--align"),
    ("Fusions", "palate.fusion", "--fuse"),
    ("Late fusions", "palate.fusion.late", "--late"),
    ("Indexes", "palate.retrieval.indexes", "palate serve --index"),
    ("Models", "palate.models", "--model"),
    ("Trackers", "palate.training.trackers", "--track"),
    ("Fine-tuning methods", "palate.finetune", "palate fine-tune --method"),
)


def main() -> int:
    """Write or check the pages."""
    pages = {"commands.md": commands(), "parts.md": parts(), "python.md": python()}
    wrong = [name for name, text in pages.items() if not _is(PLACE / name, text)]
    if "--check" in sys.argv[1:]:
        print(f"out of date: {', '.join(wrong)}; run 'make docs'" if wrong else "the reference is what the code says")
        return int(bool(wrong))
    PLACE.mkdir(exist_ok=True)
    for name, text in pages.items():
        (PLACE / name).write_text(text, encoding="utf-8")
    return 0


def commands() -> str:
    """Return the page of the command line."""
    _load_commands([])
    root: Any = typer.main.get_command(app)
    lines = ["# Commands", "", MADE]
    for path, command in _walk(root, "palate"):
        words = [_metavar(param) for param in command.params if _is_argument(param)]
        usage = " ".join([path, *words, "[OPTIONS]"])
        lines += [f"## `{path}`", "", textwrap.dedent(command.help or "").strip(), "", "```", usage, "```", ""]
        options = [param for param in command.params if param.name != "help"]
        if options:
            lines += ["| option | default | |", "|---|---|---|", *map(_option, options), ""]
    return "\n".join(lines)


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in command.list_commands(None):
        yield from _walk(command.commands[name], f"{path} {name}")


def _is_argument(param: Any) -> bool:
    return param.param_type_name == "argument"


def _metavar(param: Any) -> str:
    return param.metavar or param.name.upper()


def _option(param: Any) -> str:
    names = (
        f"`{_metavar(param)}`"
        if _is_argument(param)
        else " / ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    )
    default = param.default
    if param.required:
        shown = "required"
    elif default is None or default is False or callable(default) or "UNSET" in repr(default).upper():
        shown = ""
    else:
        shown = f"`{default}`"
    return f"| {names} | {shown} | {_cell(getattr(param, 'help', None) or '')} |"


def parts() -> str:
    """Return the page of exchangeable parts and their settings."""
    lines = ["# Parts and their settings", "", MADE]
    for title, package, where in KINDS:
        registry: Registry[Any] = importlib.import_module(package).registry
        lines += [f"## {title} (`{where}`)", ""]
        for name in registry.names():
            kind = registry.get(name)
            lines += [f"### `{name}`", "", _told(kind), ""]
            config = getattr(kind, "config_type", None)
            fields = config.model_fields if isinstance(config, type) and issubclass(config, Config) else {}
            if fields:
                lines += ["| setting | type | default | |", "|---|---|---|---|"]
                lines += [_setting(key, field) for key, field in fields.items()] + [""]
    return "\n".join(lines)


def _setting(name: str, field: Any) -> str:
    annotation = re.sub(r"typing\.|palate\.[\w.]*\.", "", inspect.formatannotation(_bare(field.annotation)))
    default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
    return f"| `{name}` | `{_cell(annotation)}` | {default} | {_cell(field.description or '')} |"


def _bare(annotation: Any) -> Any:
    """Return a type without what checks its values."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if not get_args(annotation) or get_origin(annotation) is Literal:
        return annotation
    inner = tuple(map(_bare, get_args(annotation)))
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, inner)
    return get_origin(annotation)[inner]


def python() -> str:
    """Return the page of public names."""
    lines = ["# Python", "", MADE, "## `palate`", ""]
    for name in palate.__all__:
        value = getattr(palate, name)
        if callable(value):
            lines += _entry(f"palate.{name}", value)
    for title, *modules in ROOMS:
        lines += [f"## `palate.{title}`", ""]
        for module in modules:
            loaded = importlib.import_module(f"palate.{module}")
            for name in getattr(loaded, "__all__", None) or _own(loaded):
                value = getattr(loaded, name)
                if callable(value) and f"palate.{name}" not in {f"palate.{top}" for top in palate.__all__}:
                    lines += _entry(f"palate.{module}.{name}", value)
    return "\n".join(lines)


def _own(module: Any) -> list[str]:
    return [
        name for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]  # fmt: skip


def _entry(path: str, value: Any) -> list[str]:
    try:
        signature = re.sub(r"palate\.[\w.]*\.", "", str(inspect.signature(value)))
        signature = re.sub(r"(: |-> )(['\"])(.*?)\2(?=[,)]| =|$)", r"\1\3", signature)
    except (TypeError, ValueError):
        signature = "(…)"
    return [
        f"### `{path}`",
        "",
        "```python",
        f"{path.rpartition('.')[2]}{_without_addresses(signature)}",
        "```",
        "",
        _told(value),
        "",
    ]


def _without_addresses(text: str) -> str:
    return re.sub(r"<([\w.]+)[^>]*>", r"\1", text)


def _told(value: Any) -> str:
    """Return a docstring as Markdown: its sections as they are, in a block so that formulas keep their form."""
    text = inspect.getdoc(value) or ""
    first, _, rest = text.partition("\n\n")
    return first if not rest else f"{first}\n\n```text\n{rest.rstrip()}\n```"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
