"""Which code decides a figure: a fingerprint that changes with it, and with little else.

A result of ten minutes should not be thrown away because a command line got another option. So the fingerprint is of the modules
that a model's figures come from: its own, those of its loss and its sampler, those that judge it, and all that these import, as
long as they lie in rooms where numbers are made (`ROOMS`). Comments, docstrings and the form of the code do not count. What lies
outside: `palate.data`, since the data after the split, likes included, have a fingerprint of their own; errors, files and progress;
trackers, which are told what happens and change nothing; versions of Python and libraries, which each result names instead.
Adding a model, a loss or a sampler leaves the results of the others standing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from palate.core.fingerprint import fingerprint
from palate.models import Model
from palate.training.losses import registry as losses
from palate.training.samplers import registry as samplers

ROOMS = ("palate.models.", "palate.training.", "palate.nn.", "palate.fusion.", "palate.linalg.", "palate.metrics.",
         "palate.evaluation.", "palate.core.rng")  # fmt: skip
TELLS = ("palate.training.trackers", "palate.fusion.concat")
"""What takes no part in a figure although it is imported by what does; side by side parts only tell how varied lists are, which no
run asks for."""
ENDS = ("ConfigError",)
"""Errors that nothing in `ROOMS` catches, so that a run with one has no figure."""
_JUDGE = "palate.evaluation.protocol"


def code_of(model: Model[Any], scripts: Iterable[Path] = ()) -> str:
    """Return the fingerprint of the code behind a model's figures.

    Args:
        model: with its settings, which name its loss and its sampler.
        scripts: files that decide them too.
    """
    named = [(losses, getattr(model.config, "loss", "")), (samplers, getattr(model.config, "sampler", ""))]
    begin = [type(model).__module__, _JUDGE]
    begin += [registry.get(name).__module__ for registry, name in named if name in registry.names()]
    files = {name: _place(name) for name in behind(begin)}
    texts = {name: essence(place) for name, place in files.items() if place}
    return fingerprint(texts, [essence(script) for script in scripts])


def behind(modules: Iterable[str]) -> set[str]:
    """Return these modules of `ROOMS` and all of them that they import, directly or not, at the top or in a function."""
    found: set[str] = set()
    left = [name for name in modules if _counts(name)]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [other for other in _imports(name) if _counts(other)]
    return found


@cache
def essence(place: Path) -> str:
    """Return the code of a file without comments, docstrings, form, and what only refuses."""
    tree = ast.parse(place.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each) and not _refuses(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _refuses(node: ast.AST) -> bool:
    """Tell whether a statement only looks at what is there and raises an error that ends a run, or names these errors."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "palate.core.errors"
    if not isinstance(node, ast.If) or node.orelse or len(node.body) != 1 or not isinstance(node.body[0], ast.Raise):
        return False
    acts = any(isinstance(each, ast.Call | ast.NamedExpr | ast.Await) for each in ast.walk(node.test))
    error = node.body[0].exc
    return not acts and isinstance(error, ast.Call) and isinstance(error.func, ast.Name) and error.func.id in ENDS


def _counts(name: str) -> bool:
    return name.startswith(ROOMS) and not name.startswith(TELLS)


@cache
def _imports(name: str) -> tuple[str, ...]:
    place = _place(name)
    return tuple(_named(ast.parse(place.read_text(encoding="utf-8")))) if place else ()


def _named(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported; of `from room import name` the module of that name, or the room itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("palate"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _place(inner) else node.module


@cache
def _place(name: str) -> Path | None:
    """Return the file of a module of this package, if it is one."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
