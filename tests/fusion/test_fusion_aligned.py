"""Parts that are aligned first: what has only a picture is found by what has only a title."""

import numpy as np
import pytest

from palate.core.errors import ConfigError, UnknownNameError
from palate.core.rng import generator
from palate.data.features import FeatureTable
from palate.fusion.aligned import Aligned
from palate.fusion.mean import Mean
from parted import shop

PAIRS = 40


def half_each(seed=0, shuffled=False):
    """Things of which many have both parts; the last come in pairs alike, the one with a title, the other with a picture."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(300, 4))
    truth[-PAIRS:] = truth[-2 * PAIRS : -PAIRS]
    there = {"picture": np.ones(300, bool), "title": np.ones(300, bool)}
    there["picture"][-2 * PAIRS : -PAIRS] = False
    there["title"][-PAIRS:] = False
    parts = {}
    for name, present in there.items():
        values = truth @ np.linalg.qr(rng.normal(size=(6, 4)))[0].T + 0.05 * rng.normal(size=(300, 6))
        if shuffled and name == "title":
            values = values[rng.permutation(300)]
        parts[name] = FeatureTable((values * present[:, None]).astype(np.float32), present, name)
    return parts


def found(fusion, parts):
    """Return the share of things that find their like among those with the other part."""
    rows = fusion.fit(parts, shop(300), generator(0)).fuse(parts).values
    near = rows[-2 * PAIRS : -PAIRS] @ rows[-PAIRS:].T
    return float((near.argmax(axis=1) == np.arange(PAIRS)).mean())


@pytest.mark.parametrize("align", ["cca", "procrustes"])
def test_things_with_different_parts_are_compared(align):
    settings = {"align": align, "align_settings": {"dim": 4}}
    assert found(Aligned(**settings), half_each()) > 0.8
    assert found(Mean(), half_each()) < 0.2
    assert found(Aligned(**settings), half_each(shuffled=True)) < 0.2


def test_aligned_rows_are_fused_as_they_are():
    parts = {name: table for name, table in half_each().items() if name == "title"}
    fusion = Aligned(align="pca", align_settings={"dim": 6}, fuse="concat").fit(parts, shop(300), generator(0))
    present = parts["title"].present
    fused, rows = fusion.fuse(parts).values[present], fusion.aligner.align(parts)["title"].values[present]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.allclose(fused @ fused.T, rows @ rows.T, atol=1e-4)


def test_names_and_settings_are_checked_when_it_is_made():
    with pytest.raises(UnknownNameError, match="no aligner 'ccaa': did you mean 'cca'"):
        Aligned(align="ccaa")
    with pytest.raises(UnknownNameError, match="no fusion 'maen': did you mean 'mean'"):
        Aligned(fuse="maen")
    with pytest.raises(ConfigError, match="no setting 'dims'"):
        Aligned(align_settings={"dims": 3})
    with pytest.raises(ConfigError, match="not aligned again"):
        Aligned(fuse="aligned")
