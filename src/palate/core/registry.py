"""Names to classes: built-in parts are found by their file's name, others through entry points."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from palate.core.errors import PalateError, UnknownNameError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """The parts of one kind, by name; nothing is imported before it is asked for.

    A built-in part lives in a module of `package` whose file name is its registry name with underscores for
    hyphens (two for a dot), and which defines one class whose `name` is that registry name. Modules that begin with an underscore
    are helpers, packages are rooms of their own. Other distributions add parts through the entry-point group
    `palate.<kind>s`, with underscores for spaces.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package

    @cached_property
    def _builtin(self) -> dict[str, str]:
        path = importlib.import_module(self.package).__path__
        modules = (module.name for module in pkgutil.iter_modules(path) if not module.ispkg)
        return {
            name.replace("__", ".").replace("_", "-"): f"{self.package}.{name}"
            for name in modules
            if not name.startswith("_")
        }

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=f"palate.{self.kind.replace(' ', '_')}s")}

    def names(self) -> list[str]:
        """Return every known name, sorted."""
        return sorted({*self._builtin, *self._plugins})

    def get(self, name: str) -> type[T]:
        """Return the class of that name.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest.
            PalateError: it comes with another distribution and cannot be loaded.
        """
        if name in self._builtin:
            module = importlib.import_module(self._builtin[name])
            for value in vars(module).values():
                if isinstance(value, type) and vars(value).get("name") == name:
                    return value
            raise RuntimeError(f"{module.__name__} defines no class whose name is '{name}'")
        if name in self._plugins:
            return self._from_elsewhere(self._plugins[name])
        raise UnknownNameError(f"there is no {self.kind} '{name}': {did_you_mean(name, self.names())}")

    def _from_elsewhere(self, point: EntryPoint) -> type[T]:
        try:
            found: Any = point.load()
        except Exception as error:  # whatever the code of others raises
            whose = point.dist.name if point.dist else point.module
            raise PalateError(
                f"the {self.kind} '{point.name}' of the installed distribution '{whose}' cannot be loaded ({type(error).__name__}: {error}): "
                "update it, or uninstall it"
            ) from error
        return found  # type: ignore[no-any-return]

    def summaries(self) -> list[dict[str, str]]:
        """Return `{"name", "summary"}` for each part; the summary is the first line of its docstring.

        A kind of part that says what it acts on, who described each, and what it costs, has `modality`, `paper` and `cost` too.
        """
        rows = []
        for name in self.names():
            kind = self.get(name)
            text = (kind.__doc__ or "").strip()
            more = {word: getattr(kind, word) for word in ("modality", "paper", "cost") if hasattr(kind, word)}
            rows.append({"name": name, "summary": text.splitlines()[0] if text else "", **more})
        return rows
