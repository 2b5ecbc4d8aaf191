"""Weights of parts: one rule for all models that read parts, acting where it should, and a wrong name is told."""

import numpy as np
import pytest

from networks import everyone, shop
from palate.core.errors import ConfigError
from palate.fusion import registry as fusions
from palate.interfaces import Run
from palate.models import registry
from palate.models._content import ContentConfig
from palate.models._deep_parts import PartsConfig, parts_for

WEIGHED = [
    name for name in registry.names() if issubclass(registry.get(name).config_type, (PartsConfig, ContentConfig))
]
QUICK = {"epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def data():
    """Some items are liked by nobody: of `als` and `bpr` these alone are placed by parts."""
    whole = shop(users=20, items=15)
    return whole.take_interactions(whole.interactions.item < 11)


def scores(name, data, **settings):
    kind = registry.get(name)
    if kind.extra == "deep":
        pytest.importorskip("torch")
    quick = QUICK if "batch_size" in kind.config_type.model_fields else {}
    return kind(**quick, **settings).fit(data, None, Run(seed=1, threads=1)).score(everyone(data))


def test_all_that_read_parts_take_weights():
    assert {"content-knn", "vector-space", "umami", "lattice", "vbpr", "freedom", "cease", "mmal"} <= set(WEIGHED)
    assert len(WEIGHED) >= 14


@pytest.mark.parametrize("name", WEIGHED)
def test_a_part_of_no_weight_is_left_out_others_count_more_and_ratios_are_all(name, data):
    alone = scores(name, data, parts=("photo",))
    assert np.allclose(scores(name, data, weights={"photo": 3}), alone, atol=1e-6, equal_nan=True)
    one, two, even, plain = (
        scores(name, data, **given)
        for given in (
            {"weights": {"photo": 3, "text": 1}},
            {"weights": {"photo": 1.5, "text": 0.5}},
            {"weights": {"photo": 2, "text": 2}},
            {},
        )
    )
    assert np.array_equal(one, two, equal_nan=True)
    assert np.allclose(even, plain, atol=1e-5, equal_nan=True)
    assert not np.allclose(one, plain, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("name", WEIGHED)
@pytest.mark.parametrize(
    ("weights", "says"), [({"foto": 1}, "weights names the part 'foto': did you mean 'photo'"), ({"text": 0}, "all 0")]
)
def test_a_wrong_name_and_nothing_but_zeros_are_told(name, weights, says, data):
    with pytest.raises(ConfigError, match=says):
        scores(name, data, weights=weights)
    with pytest.raises(ConfigError, match="photo"):
        registry.get(name)(weights={"photo": -1})


def test_a_cosine_is_the_weighted_sum_of_those_of_the_parts(data):
    ready = parts_for(PartsConfig(), data)
    heavy = parts_for(PartsConfig(weights={"photo": 3, "text": 1}), data)
    for name, share in (("photo", 1.5), ("text", 0.5)):
        assert np.allclose(heavy[name].values @ heavy[name].values.T, share * ready[name].values @ ready[name].values.T)
        assert heavy[name].weight == share
    both = ready["photo"].present & ready["text"].present
    vectors = registry.get("vector-space")(weights={"photo": 3, "text": 1}).fit(data).item_vectors().values[both]
    told = sum(heavy[name].values[both] @ heavy[name].values[both].T for name in heavy) / 2
    assert np.allclose(vectors @ vectors.T, told, atol=1e-5)


def test_what_fuses_parts_before_has_weights_of_its_own(data):
    with pytest.raises(ConfigError, match="concat, which knows none"):
        registry.get("content-knn")(weights={"photo": 1}, fusion=fusions.get("concat")())
    kept = registry.get("content-knn")(weights={"photo": 1}, fusion=fusions.get("weighted")()).fit(data)
    assert kept.fusion.weights == {"photo": 1, "text": 0}
    pytest.importorskip("torch")
    with pytest.raises(ConfigError, match=r"fusion concat makes one of them.*weighted"):
        registry.get("vbpr")(weights={"photo": 1}, fusion=fusions.get("concat")(), **QUICK).fit(data)
    one, two = (
        registry.get("vbpr")(weights=weights, fusion=fusions.get("gated")(), **QUICK)
        .fit(data, None, Run(threads=1))
        .score(everyone(data))
        for weights in ({"photo": 3, "text": 1}, None)
    )
    assert not np.array_equal(one, two, equal_nan=True)
