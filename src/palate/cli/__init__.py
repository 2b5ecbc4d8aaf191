"""The command line, one file a command: each parses, calls the library and prints."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from palate.cli._app import Stopped, app
from palate.core.errors import PalateError

STOPPED = Stopped.exit_code
"""The exit code after Ctrl-C."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 1 (it failed), 2 (the request was wrong) or 130 (Ctrl-C)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    sys.exit(_run([word for word in words if word != "--debug"], debug))


def _run(words: list[str], debug: bool) -> int:
    try:
        _load_commands(words)
        result = typer.main.get_command(app).main(args=words, prog_name="palate", standalone_mode=False)
    except typer.TyperException as error:
        return _usage(error.format_message(), words, _given(error, words))
    except (typer.Abort, KeyboardInterrupt):
        result = STOPPED
    except BrokenPipeError:
        return 0
    except PalateError as error:
        if debug:
            raise
        return _say(str(error), error.exit_code)
    except Exception as error:
        if debug:
            raise
        return _say(
            f"this should not happen ({type(error).__name__}: {error}): run it again with --debug and report it", 1
        )
    if result == STOPPED:  # Ctrl-C comes as this code, since typer catches the exception
        return _say("stopped; nothing is left half-written, and the same command can be run again", STOPPED)
    return result if isinstance(result, int) else 0


def _usage(message: str, words: list[str], given: str | None) -> int:
    if not message.strip():  # a group without a command: its help has been printed
        return 2
    depth = (2 if words[:1] == ["data"] else 1) - ("No such command" in message)
    known = [word for word in words[:depth] if not word.startswith("-")]
    said = " ".join(message.split()).replace("Value error, ", "").rstrip(".?")
    if given is not None and f"'{given}'" not in said:
        said = f"{said}, and '{given}' was given"
    mark = "?" if "Did you mean" in said else ";"
    return _say(f"{said}{mark} '{' '.join(['palate', *known, '--help'])}' tells what there is", 2)


def _given(error: typer.TyperException, words: list[str]) -> str | None:
    """Return the value of the option that an error is about, as it was typed; None where it has none."""
    names = getattr(getattr(error, "param", None), "opts", ()) if "Invalid value" in error.format_message() else ()
    for word, following in zip(words, [*words[1:], None], strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
        if word[:2] in names and word[:2] != "--":
            return word[2:]
    return None


def _load_commands(words: list[str]) -> None:
    """Import the file of the command that is asked for, or every file where help or an unknown name needs them all."""
    if words[:1] == ["--version"]:
        return
    groups = {name: _files(package) for name, package in (("", __name__), ("data", f"{__name__}.data"))}
    group = "data" if words[:1] == ["data"] else ""
    asked = words[1:2] if group else words[:1]
    one = groups[group].get(asked[0]) if asked else None
    for module in [one] if one else [path for files in groups.values() for path in files.values()]:
        importlib.import_module(module)


def _files(package: str) -> dict[str, str]:
    """Return the modules of a package by the command's name; `import_.py` is `import`, `compare_fusion.py` is `compare-fusion`."""
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return {
        file.name.rstrip("_").replace("_", "-"): f"{package}.{file.name}"
        for file in found
        if not file.name.startswith("_")
    }


def _say(sentence: str, code: int) -> int:
    print(f"palate: {' '.join(sentence.split())}", file=sys.stderr)  # noqa: T201
    return code
