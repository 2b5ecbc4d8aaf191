"""Groups of parts, each fused in its own way, and then the groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, did_you_mean
from palate.core.part import Part
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.interfaces import Fusion, Parts, Settles
from palate.linalg.standard import checked


class Group(Config):
    """Some parts, and by what they are fused."""

    parts: tuple[str, ...] = Field(min_length=1)
    """Names of the parts."""
    fuse: str = "mean"
    """Name of their fusion ('palate fusions' lists them); one of `hybrid` makes a deeper tree."""
    fuse_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings."""


class HybridConfig(Config):
    """Which parts go together, and by what the groups are fused then."""

    groups: dict[str, Group] | None = Field(None, min_length=1)
    """Group name -> its parts and their fusion; each part in one group. None puts parts of equal width together, which often come
    from one encoder, and so may lie in one space."""
    fuse: str = "concat"
    """Name of the fusion of the groups."""
    fuse_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings; what is named there by part is named by group."""


class Hybrid(Part[HybridConfig]):
    """Fuse groups of parts, each in its own way, then fuse the groups: a tree of any depth.

    A group comes out with rows of length one, and the fusion of the groups does not standardise them again: that would undo
    what the group's own fusion weighs. Unless told otherwise parts of equal width are a group and averaged, and groups stand
    side by side. For late fusion between the groups see the model `ensemble`.

    `shares`: the amount a group has by the fusion of the groups is divided over its parts as its own fusion divides the
    group's cosine, scaled by amount / cosine where that is between 0 and 1 (in `concat` it always is), and the rest evenly.

    Missing data:
        A group is absent where all its parts are.
    Raises:
        UnknownNameError: there is no fusion of that name. ConfigError: a setting is not theirs, or a part is in two groups.
        DataError: when fitted, a part of a group does not exist, or one that exists is in no group.
    """

    name: ClassVar[str] = "hybrid"
    config_type = HybridConfig
    paper: ClassVar[str] = "Atrey et al. 2010"
    cost: ClassVar[str] = "what its fusions take"

    standardises = True
    """Whether the groups' fusions make dimensions alike."""
    fusion: Fusion
    """That of the groups."""
    members: dict[str, tuple[str, ...]]
    """Names of the parts by group, in sorted order."""
    groups: dict[str, Fusion]
    """By group."""

    def __init__(self, config: HybridConfig | None = None, /, **settings: Any) -> None:
        super().__init__(config, **settings)
        self.fusion = _made(self.config.fuse, self.config.fuse_settings, standardises=False)
        for group in (self.config.groups or {}).values():
            _made(group.fuse, group.fuse_settings)  # refuses wrong names before time goes into fitting
        parts = [part for group in (self.config.groups or {}).values() for part in group.parts]
        if twice := sorted({part for part in parts if parts.count(part) > 1}):
            raise ConfigError(f"of hybrid the part '{twice[0]}' is named twice: put each part into one group")

    @property
    def dim(self) -> int:
        """Width of a fused vector."""
        return self.fusion.dim

    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator, valid: Dataset | None = None) -> Self:
        """Learn each group's fusion, then that of the groups.

        Raises:
            DataError: no part is given, the parts have different rows, or the groups do not name exactly the parts.
        """
        parts = checked(self.name, parts)
        groups = self._grouped(parts)
        self._make(groups)
        seed = int(rng.integers(2**32))
        for name, fusion in self.groups.items():
            own = {part: parts[part] for part in self.members[name]}
            fusion.fit(own, data, generator(seed, "group", name), valid)
        self.fusion.fit(self._tables(parts), data, generator(seed, "groups"), valid)
        return self

    def _grouped(self, parts: Parts) -> dict[str, Group]:
        if self.config.groups is None:
            widths = sorted({table.dim for table in parts.values()})
            alike = [tuple(name for name, table in parts.items() if table.dim == width) for width in widths]
            return {"+".join(names): Group(parts=names) for names in alike}
        grouped = {part: name for name, group in self.config.groups.items() for part in group.parts}
        for part, name in grouped.items():
            if part not in parts:
                raise DataError(
                    f"the group '{name}' of hybrid names the part '{part}', and there is none: {did_you_mean(part, parts)}"
                )
        if left := sorted(set(parts) - set(grouped)):
            raise DataError(
                f"the part '{left[0]}' is in no group of hybrid: put it into one, or name the parts to read without it"
            )
        return self.config.groups

    def _make(self, groups: Mapping[str, Group]) -> None:
        named = {name: groups[name] for name in sorted(groups)}
        self.members = {name: tuple(sorted(group.parts)) for name, group in named.items()}
        self.groups = {name: _made(group.fuse, group.fuse_settings, self.standardises) for name, group in named.items()}

    def _tables(self, parts: Parts) -> dict[str, FeatureTable]:
        """Return the table of each group of which a part is given."""
        parts = checked(self.name, parts)
        known = [part for members in self.members.values() for part in members]
        for part in parts:
            if part not in known:
                raise DataError(f"{self.name} was not fitted on a part '{part}': {did_you_mean(part, known)}")
        given = {name: _of(members, parts) for name, members in self.members.items()}
        return {name: self.groups[name].fuse(own) for name, own in given.items() if own}

    def fuse(self, parts: Parts) -> FeatureTable:
        """Return one table of the same rows, of unit length.

        Shapes:
            parts: float32[n, d] each -> float32[n, dim].
        Raises:
            DataError: a part was not there when this was fitted, or has another width.
        """
        return self.fusion.fuse(self._tables(parts))

    def shares(self, parts: Parts, left: Codes, right: Codes) -> dict[str, Floats]:
        """Divide the cosine of fused rows over the parts; the amounts of a pair add up to its cosine."""
        found: dict[str, Floats] = {}
        for name, whole in self.fusion.shares(self._tables(parts), left, right).items():
            own = _of(self.members[name], parts)
            inner = self.groups[name].shares(own, left, right)
            cosine = np.sum(list(inner.values()), axis=0)
            factor = np.clip(np.divide(whole, cosine, out=np.zeros_like(whole), where=cosine != 0), 0, 1)
            there = {part: table.present[left] & table.present[right] for part, table in own.items()}
            count = np.sum(list(there.values()), axis=0)
            rest = whole - factor * cosine
            for part, amount in inner.items():
                even = np.where(count > 0, there[part] / np.maximum(count, 1), np.float32(1 / len(own)))
                found[part] = (factor * amount + rest * even).astype(np.float32)
        return {part: found[part] for part in sorted(found)}

    def state(self) -> State:
        """Which parts are in which group, and what the fusions learned."""
        told = {name: list(members) for name, members in self.members.items()}
        state = State({}, {"groups": told}).joined("fuse", self.fusion.state())
        for number, fusion in enumerate(self.groups.values()):
            state = state.joined(f"group.{number}", fusion.state())
        return state

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        given = self.config.groups
        told = {name: tuple(members) for name, members in state.meta["groups"].items()}
        self._make({name: Group(parts=members) for name, members in told.items()} if given is None else given)
        self.fusion.load_state(state.nested("fuse"))
        for number, fusion in enumerate(self.groups.values()):
            fusion.load_state(state.nested(f"group.{number}"))
        return self

    def settled(self) -> Self:
        """Return an unfitted one whose fusions keep what validation chose, where it did."""
        groups = self.config.groups and {
            name: group.model_copy(update=_settled(self.groups[name])) for name, group in self.config.groups.items()
        }
        return type(self)(self.config.model_copy(update={"groups": groups, **_settled(self.fusion)}))


def _settled(fusion: Fusion) -> dict[str, Any]:
    """Return the settings of a fusion of which validation chose some; nothing where it did not."""
    return {"fuse_settings": fusion.settled().config.model_dump(mode="json")} if isinstance(fusion, Settles) else {}


def _made(name: str, settings: Mapping[str, Any], standardises: bool = True) -> Fusion:
    from palate.fusion import registry

    fusion: Any = registry.get(name)(**settings)
    if not standardises:
        fusion.standardises = False
    return fusion  # type: ignore[no-any-return]


def _of(members: tuple[str, ...], parts: Parts) -> dict[str, FeatureTable]:
    return {part: parts[part] for part in members if part in parts}
