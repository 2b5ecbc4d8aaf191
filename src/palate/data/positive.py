"""Which interactions count as liked."""

from __future__ import annotations

import operator
import re

import numpy as np

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import Mask
from palate.data.interactions import Interactions

_OPERATORS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}
_RULE = re.compile(r"\s*weight\s*(>=|<=|==|>|<)\s*(-?\d+(?:\.\d+)?)\s*")


class Positive(Config):
    """A rule over weights, written `weight>=4`; the default is `weight>0`."""

    rule: str = "weight>0"

    def mask(self, interactions: Interactions) -> Mask:
        """Return bool[n]: which rows are liked.

        Raises:
            DataError: the rule is not of the form `weight OP number`.
        """
        match = _RULE.fullmatch(self.rule)
        if match is None:
            raise DataError(
                f"the rule for liked interactions was '{self.rule}': write it as weight>=4, with one of {', '.join(_OPERATORS)}"
            )
        compare, bound = _OPERATORS[match[1]], float(match[2])
        return np.asarray(compare(interactions.weight, np.float32(bound)), dtype=bool)
