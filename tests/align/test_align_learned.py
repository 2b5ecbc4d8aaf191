"""Aligners with networks where the right answer is known: bent views of one code, holes, clouds that differ, order of steps."""

import numpy as np
import pytest

pytest.importorskip("torch")

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from palate.align import measure, registry
from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.data.features import FeatureTable
from parted import shop

pytestmark = pytest.mark.torch

N, FRESH, CHANCE = 400, 150, 75.5
CODE, WIDTH = 3, 12
LEARNED = [name for name in registry.names() if registry.get(name).extra == "deep"]


def table(values, present=None):
    there = np.ones(len(values), bool) if present is None else present
    return FeatureTable(np.where(there[:, None], values, 0).astype(np.float32), there, "planted")


def bent(n=N, seed=0, names="ab", missing=0.0):
    """Parts that are each a bent view of one code: no line leads from one to the other."""
    axes, rng = np.random.default_rng(99), np.random.default_rng(seed)
    code = rng.normal(size=(n, CODE))
    parts = {}
    for name in names:
        turn, start, out = axes.normal(size=(CODE, 32)), 2 * axes.normal(size=32), axes.normal(size=(32, WIDTH))
        values = np.sin(0.8 * code @ turn + start) @ out + 0.02 * rng.normal(size=(n, WIDTH))
        parts[name] = table(values, rng.random(n) >= missing)
    return parts


def fitted(name, parts, **settings):
    settings = {"dim": 16, **({"dropout": 0.0} if name in LEARNED else {}), **settings}
    return registry.get(name)(**settings).fit(parts, shop(len(next(iter(parts.values())))), generator(0))


def fresh_rank(aligner, **settings):
    return measure(aligner.align(bent(FRESH, 7, **settings))).rank


def test_there_are_six():
    assert LEARNED == ["adversarial", "attention", "contrastive", "conv", "mlp", "recurrent"]


@pytest.mark.parametrize("name", LEARNED)
def test_bent_views_of_one_code_come_together(name):
    aligner = fitted(name, bent())
    assert aligner.agreement.rank < 2
    assert fresh_rank(aligner) < 2


def test_no_line_brings_bent_views_together():
    assert fresh_rank(fitted("pca", bent())) > 0.7 * CHANCE
    assert fresh_rank(fitted("cca", bent())) > 4


@pytest.mark.parametrize("name", ["contrastive", "attention", "mlp"])
def test_parts_that_most_things_lack_come_together(name):
    aligner = fitted(name, bent(1500, names="abc", missing=0.6))
    assert fresh_rank(aligner, names="abc") < 15


@pytest.mark.parametrize("name", LEARNED)
def test_parts_of_other_things_are_not_brought_together(name):
    parts = bent()
    parts["b"] = parts["b"].take(np.random.default_rng(1).permutation(N))
    aligner = fitted(name, parts, epochs=30)
    assert abs(fresh_rank(aligner) - CHANCE) < 0.25 * CHANCE


@pytest.mark.parametrize("name", LEARNED)
def test_a_part_alone_keeps_what_is_alike(name):
    part = bent(names="a")
    own = fitted("pca", part, dim=WIDTH).align(part)["a"].values
    found = fitted(name, part).align(part)["a"].values
    off = ~np.eye(N, dtype=bool)
    cosines = [(rows @ rows.T / np.outer(*[np.linalg.norm(rows, axis=1)] * 2))[off] for rows in (own, found)]
    assert np.corrcoef(*cosines)[0, 1] > 0.3


def told_apart(parts):
    """Share of fresh vectors of which a logistic probe, of numbers and of their products, names the part."""
    rows = np.concatenate([part.values for part in parts.values()])
    whose = np.repeat(np.arange(len(parts)), [len(part) for part in parts.values()])
    order = np.random.default_rng(0).permutation(len(rows))
    learned, asked = np.array_split(order, 2)
    probe = make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    return probe.fit(rows[learned], whose[learned]).score(rows[asked], whose[asked])


def test_after_the_adversary_nobody_can_tell_the_parts():
    parts, fresh = bent(800), bent(600, 7)
    settings = {"dim": 6, "epochs": 150}
    before = fitted("adversarial", parts, adversary=0, agreement=0, **settings).align(fresh)
    after = fitted("adversarial", parts, adversary=1, agreement=0, **settings).align(fresh)
    both = fitted("adversarial", parts, **settings).align(fresh)
    assert told_apart(before) > 0.8
    assert told_apart(after) < 0.7
    assert told_apart(both) < 0.65
    assert measure(both).rank < 0.1 * measure(both).chance
    assert min(measure(after).uniformity, measure(both).uniformity) < -1  # nothing fell on one spot


def ordered(n, seed, steps):
    """A clip whose steps are a middle that says nothing, first plus a code and then minus it; and a text that tells the code."""
    axes, rng = np.random.default_rng(5), np.random.default_rng(seed)
    code, middle = rng.normal(size=(n, 5)), rng.normal(size=(n, 1, 5))
    signs = np.where(np.arange(steps) < steps // 2, 1, -1)[:, None]
    clip = middle + code[:, None] * signs + 0.05 * rng.normal(size=(n, steps, 5))
    text = code @ axes.normal(size=(5, 8)) + 0.05 * rng.normal(size=(n, 8))
    return {"clip": table(clip.reshape(n, -1)), "text": table(text)}


def meaned(parts, steps):
    clip = parts["clip"].values
    return {**parts, "clip": table(clip.reshape(len(clip), steps, -1).mean(1))}


@pytest.mark.parametrize("name", ["conv", "recurrent"])
@pytest.mark.parametrize("steps", [2, 6])
def test_what_only_the_order_of_steps_tells_is_found(name, steps):
    fresh = ordered(FRESH, 3, steps)
    aligner = fitted(name, ordered(N, 0, steps), steps={"clip": steps}, epochs=60)
    found = measure(aligner.align(fresh)).rank
    assert found < 3
    backwards = fresh["clip"].values.reshape(FRESH, steps, 5)[:, ::-1].reshape(FRESH, -1)
    assert measure(aligner.align({**fresh, "clip": table(backwards)})).rank > 4 * found


@pytest.mark.parametrize("name", ["conv", "recurrent"])
def test_a_mean_over_the_steps_does_not_tell_it(name):
    aligner = fitted(name, meaned(ordered(N, 0, 6), 6), epochs=60)
    assert measure(aligner.align(meaned(ordered(FRESH, 3, 6), 6))).rank > 0.7 * CHANCE


@pytest.mark.parametrize("name", ["conv", "recurrent"])
def test_steps_that_cannot_be_are_refused(name):
    parts = bent(50)
    with pytest.raises(DataError, match="the part 'a' has 12 numbers, which 5 steps do not divide: give"):
        fitted(name, parts, steps={"a": 5})
    with pytest.raises(ConfigError, match=r"steps names the part 'aa': .*allowed: a, b"):
        fitted(name, parts, steps={"aa": 2})
    with pytest.raises(ConfigError, match=r"steps\.a"):
        fitted(name, parts, steps={"a": 0})
