"""What to type next: commands that a shell takes as they stand, whatever blanks their paths hold."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

_WIDTH = 80
_LEAD = "next: "


def typed(*words: str | Path) -> str:
    """Return a command of Palate as it is typed.

    Example:
        >>> typed("data", "check", Path("my shop"))
        "palate data check 'my shop'"
    """
    return shlex.join(["palate", *map(str, words)])


def say_next(*commands: Sequence[str | Path], told: str = "") -> None:
    """Print commands that can be typed next, one below the other; a long one goes on after a backslash.

    Args:
        commands: the words of each, without `palate`.
        told: what the last one is for.
    """
    for number, command in enumerate(commands):
        lines = [(" " * len(_LEAD) if number else _LEAD) + "palate"]
        for word in map(shlex.quote, map(str, command)):
            if len(lines[-1]) + len(word) + len("  \\") > _WIDTH:
                lines[-1] += " \\"
                lines.append(" " * (len(_LEAD) + 3))
            lines[-1] += f" {word}"
        if told and command is commands[-1]:
            fits = len(lines[-1]) + len(f"   # {told}") <= _WIDTH
            lines = [*lines[:-1], f"{lines[-1]}   # {told}"] if fits else [*lines, f"{' ' * len(_LEAD)}# {told}"]
        typer.echo("\n".join(lines))
