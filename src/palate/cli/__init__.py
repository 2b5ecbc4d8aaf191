"""The command line, one file a command: each parses, calls the library and prints."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from palate.cli._app import app
from palate.core.errors import PalateError


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 1 (it failed), 2 (the request was wrong) or 130 (Ctrl-C)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    sys.exit(_run([word for word in words if word != "--debug"], debug))


def _run(words: list[str], debug: bool) -> int:
    _load_commands()
    command = typer.main.get_command(app)
    try:
        result = command.main(args=words, prog_name="palate", standalone_mode=False)
    except typer.Abort:
        return _say("stopped", 130)
    except typer.TyperException as error:
        return _usage(str(error), words)
    except KeyboardInterrupt:
        return _say("stopped; what was finished is kept, and the same command goes on from there", 130)
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
    return result if isinstance(result, int) else 0


def _usage(message: str, words: list[str]) -> int:
    if not message.strip():  # a group without a command: its help has been printed
        return 2
    known = [word for word in words[:2] if word.isidentifier() and "No such command" not in message]
    return _say(f"{message.rstrip('.')}: '{' '.join(['palate', *known, '--help'])}' tells what there is", 2)


def _load_commands() -> None:
    for package in ("palate.cli", "palate.cli.data"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{package}.{module.name}")


def _say(sentence: str, code: int) -> int:
    print(f"palate: {' '.join(sentence.split())}", file=sys.stderr)  # noqa: T201
    return code
