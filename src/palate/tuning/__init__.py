"""Settings chosen by trials: what may be tried, and how it is searched by validation."""

from palate.tuning.space import SPACES, Between, OneOf, Space, Whole, space_of
from palate.tuning.study import Trial, Tuned, tune

__all__ = ["Between", "OneOf", "SPACES", "Space", "Trial", "Tuned", "Whole", "space_of", "tune"]
