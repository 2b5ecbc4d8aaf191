"""`evaluate` beyond accuracy, by group, by other definitions and among some items."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.core.config import Config
from palate.core.errors import DataError, RequestError, UnknownNameError
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.models import ContentKNN, ItemKNN, Model, Popularity

GENRES = ["Tea|Green", "Tea, Black", "Lamp", None, "Lamp; Desk", "Cup"]


class Fixed(Model[Config]):
    """Gives every user the same scores, as told, also for some items only."""

    name = "fixed"
    config_type = Config

    def __init__(self, scores):
        super().__init__()
        self.given = np.asarray(scores, np.float32)

    def _fit(self, train, valid, run):
        pass

    def score(self, queries, items=None):
        given = self.given if items is None else self.given[items]
        return np.tile(given, (len(queries), 1))


def log(rows):
    user, item, weight = zip(*rows, strict=True) if rows else ((), (), ())
    return Interactions(np.array(user, np.int32), np.array(item, np.int32), np.array(weight, np.float32))


@pytest.fixture
def small():
    """Three users, six items; item 4 is met in training by a dislike only, item 5 never; item 3 likewise never."""
    items = IdMap(f"i{i}" for i in range(6))
    table = pl.DataFrame({"item_id": items.series, "genres": GENRES, "shelf": list("aabbcc")})
    base = Dataset(IdMap("uvw"), items, log([]), Catalogue(table, {"genres": "text"}))
    rows = (
        [(0, 0, 1), (0, 1, 1), (1, 0, 1), (2, 0, 1), (2, 2, 1), (1, 4, -1)],
        [(0, 2, 1)],
        [(0, 5, 1), (0, 4, 1), (1, 1, 1), (2, 3, 1)],
    )
    return Split(*(base.with_interactions(log(part)) for part in rows), how="by hand")


@pytest.fixture
def model(small):
    return Fixed([6, 5, 4, 3, 2, 1]).fit(small.train)


def test_the_metrics_beyond_accuracy_read_the_training_data(small, model):
    found = evaluate(model, small, k=2, metrics=["novelty", "popularity-bias", "diversity-category", "calibration"])
    # Popularity 3 1 1 0 0 0 of 3 users. Lists: u 2 3, v 1 2, w 1 3.
    bits = np.log2(3)
    assert found.per_user["novelty@2"] == pytest.approx([bits, bits, bits])
    assert found.per_user["popularity-bias@2"].tolist() == [0.5, 1.0, 0.5]
    # Item 3 has no genre, so that only v has a pair: Tea and Black beside Lamp.
    assert found.per_user["diversity-category@2"] == pytest.approx([np.nan, 1, np.nan], nan_ok=True)
    # u: liked Tea 1/2, Green 1/4, Black 1/4 and is shown Lamp alone.
    assert found.per_user["calibration@2"][0] == pytest.approx(np.log(100))
    assert "categories: the column 'genres'" in str(found)
    assert found.intervals["novelty@2"] == pytest.approx((bits, bits))


def test_gini_and_coverage_are_of_all_lists(small, model):
    found = evaluate(model, small, k=1, metrics=["gini", "coverage", "recall"])
    # Shown: 2, 1, 1, so that the counts are 0 0 0 0 1 2 times -5 … 3 5.
    assert found.metrics == {"gini@1": pytest.approx((3 + 10) / (6 * 3)), "coverage@1": 2 / 6, "recall@1": 1 / 3}
    assert list(found.intervals) == ["recall@1"]


def test_beyond_stands_for_all_that_the_data_allow(tiny):
    cut = split(tiny)
    found = evaluate(Popularity().fit(cut.train), cut, k=5, metrics=["beyond"])
    assert list(found.metrics) == [
        "coverage@5", "gini@5", "novelty@5", "popularity-bias@5", "diversity-content@5",
    ]  # fmt: skip
    assert any("left out diversity-category, calibration: the items have no column" in note for note in found.notes)
    assert any(note == "content: photo, title, side by side" for note in found.notes)
    assert max(map(len, str(found).splitlines())) <= 80


def test_a_group_of_metrics_can_have_a_cut_off(tiny):
    cut = split(tiny)
    found = evaluate(Popularity().fit(cut.train), cut, k=5, metrics=["recall", "accuracy@3"])
    assert list(found.metrics)[:3] == ["recall@5", "recall@3", "ndcg@3"]
    assert {"auc", "coverage@3"} <= set(found.metrics)
    with pytest.raises(UnknownNameError, match="there is no metric 'acuracy': did you mean 'accuracy'"):
        evaluate(Popularity().fit(cut.train), cut, k=5, metrics=["acuracy"])


def test_what_a_metric_needs_and_the_data_lack_is_an_error_when_named(tiny, small, model):
    cut = split(tiny.without_features("title", "photo"))
    popular = Popularity().fit(cut.train)
    for metric in ("diversity-category", "calibration"):
        with pytest.raises(DataError, match=r"no column of categories: name one .*--categories COLUMN"):
            evaluate(popular, cut, k=5, metrics=[metric])
    with pytest.raises(DataError, match="no features of items: encode it first"):
        evaluate(popular, cut, k=5, metrics=["diversity-content"])
    with pytest.raises(DataError, match=r"'genre' is no column of categories or text: did you mean 'genres'"):
        evaluate(model, small, k=2, metrics=["beyond"], categories="genre")


@pytest.mark.parametrize(
    ("types", "named", "chosen"),
    [
        ({"genres": "text"}, None, "genres"),
        ({"genres": "text", "shelf": "category"}, None, "shelf"),
        ({"genres": "category", "shelf": "category"}, None, "genres"),
        ({"genres": "category", "shelf": "category"}, "shelf", "shelf"),
    ],
)
def test_the_column_of_categories_is_found_or_named(small, types, named, chosen):
    catalogue = replace(small.train.catalogue, types=types)
    cut = replace(small, train=replace(small.train, catalogue=catalogue))
    found = evaluate(Fixed(range(6)).fit(cut.train), cut, k=2, metrics=["calibration"], categories=named)
    assert f"categories: the column '{chosen}'" in found.notes


def test_several_columns_of_categories_must_be_named(small):
    table = small.train.catalogue.table.rename({"genres": "kind"})
    catalogue = Catalogue(table, {"kind": "category", "shelf": "category"})
    cut = replace(small, train=replace(small.train, catalogue=catalogue))
    with pytest.raises(DataError, match=r"several columns could be the categories \(kind, shelf\)"):
        evaluate(Fixed(range(6)).fit(cut.train), cut, k=2, metrics=["calibration"])


def test_content_diversity_does_not_depend_on_the_model(tiny):
    values = features_of(np.random.default_rng(0).normal(size=(30, 4)))
    cut = split(replace(tiny, features={"title": tiny.features["title"], "noise": values}))
    by_title = ContentKNN(parts=("title",)).fit(cut.train)
    shown = evaluate(by_title, cut, k=5, metrics=["diversity-content"])
    same = Fixed(np.zeros(30)).fit(cut.train)
    # The same lists, given by a model that knows no content, are as diverse.
    same.score = by_title.score
    assert evaluate(same, cut, k=5, metrics=["diversity-content"]).metrics == shown.metrics


def test_figures_by_history(small, model):
    assert list(evaluate(model, small, k=2, metrics="recall", by="history").groups) == ["history"]
    found = evaluate(model, small, k=2, metrics=["recall", "coverage"], by=["history"])
    assert [(g.name, g.users) for g in found.groups["history"]] == [("1", 1), ("2", 2)]
    table = found.by_history
    assert table["metric"].unique().to_list() == ["recall@2"]
    assert dict(table.select("group", "value").iter_rows()) == {"1": 1.0, "2": 0.5}
    with pytest.raises(DataError, match=r"call evaluate\(..., by=\['popularity'\]\)"):
        _ = found.by_popularity


def test_figures_by_popularity_look_for_the_items_of_the_group_only(small, model):
    found = evaluate(model, small, k=2, metrics=["recall", "ndcg", "auc"], by=["popularity"])
    groups = {group.name: group for group in found.groups["popularity"]}
    # 5 likes in training: head 0 (3 of them), then 1 (1 of 5 is left after it: mid), then 2: tail.
    assert {name: (g.items, g.relevant, g.users) for name, g in groups.items()} == {
        "head": (1, 0, 0), "mid": (1, 1, 1), "tail": (1, 0, 0), "unliked": (3, 3, 2),
    }  # fmt: skip
    assert groups["mid"].metrics == {"recall@2": 1, "ndcg@2": 1}
    # u looks for 5 and 4 and is shown 2 3; w looks for 3 and is shown 1 3.
    assert groups["unliked"].metrics["recall@2"] == 0.5
    assert found.by_popularity.filter(group="unliked", metric="recall@2")["value"].item() == 0.5
    assert np.isnan(groups["head"].metrics["recall@2"])


def test_groups_print_within_80_columns_and_travel_as_json(tiny):
    cut = split(tiny)
    found = evaluate(ItemKNN().fit(cut.train), cut, k=(5, 10), by=["history", "popularity"])
    assert max(map(len, str(found).splitlines())) <= 80
    value = found.to_json()["groups"]
    assert sum(group["users"] for group in value["history"]) == found.users
    assert sum(group["relevant"] for group in value["popularity"]) >= found.users
    assert sum(group["items"] for group in value["popularity"]) == 30
    assert set(value["history"][0]) == {"group", "users", "metrics", "intervals"}


def test_groups_put_together_give_the_whole(tiny):
    cut = split(tiny)
    found = evaluate(ItemKNN().fit(cut.train), cut, k=5, by=["history"], compat="implicit")
    for name in found.per_user:
        if name.startswith("precision"):
            continue  # its users weigh differently
        groups = found.groups["history"]
        total = sum(group.users * group.metrics[name] for group in groups)
        assert total / found.users == pytest.approx(found.metrics[name]), name


def test_other_definitions_carry_their_name(small, model):
    found = evaluate(model, small, k=1, metrics=["recall", "ndcg", "mrr"], compat="lenskit")
    assert list(found.metrics) == ["recall@1 (lenskit)", "ndcg@1 (lenskit)", "mrr@1"]
    assert found.to_json()["compat"] == "lenskit"
    assert "as lenskit counts" in str(found)
    # u looks for two items with one place: recall 0 of 1, and ours 0 of 2; v finds its one.
    ours = evaluate(model, small, k=1, metrics=["recall"])
    assert ours.to_json()["compat"] is None
    theirs = evaluate(Fixed([1, 2, 3, 4, 5, 6]).fit(small.train), small, k=1, metrics=["recall"], compat="lenskit")
    assert theirs.per_user["recall@1 (lenskit)"].tolist() == [1, 0, 0]
    with pytest.raises(UnknownNameError, match="no library 'lenskt' to be compatible with: did you mean 'lenskit'"):
        evaluate(model, small, compat="lenskt")


def test_however_much_the_head_says_it_fits(tiny):
    cut = split(tiny)
    found = evaluate(ItemKNN().fit(cut.train), cut, k=3, candidates="warm", compat="implicit")
    found = replace(found, model="ensemble-of-several-models")
    assert "warm candidates, as implicit counts)" in " ".join(str(found).split())
    assert max(map(len, str(found).splitlines())) <= 80


def test_implicit_divides_all_hits_by_all_places(small):
    found = evaluate(Fixed([1, 2, 3, 4, 5, 6]).fit(small.train), small, k=2, metrics=["precision"], compat="implicit")
    # Lists: u 5 4 (two hits of two), v 5 3 (none of one), w 5 4 (none of one).
    assert found.metrics["precision@2 (implicit)"] == pytest.approx(2 / 4)


def test_cold_items_alone_can_be_candidates(small):
    model = Fixed([6, 5, 4, 3, 2, 1]).fit(small.train)
    found = evaluate(model, small, k=1, metrics=["recall", "auc", "coverage", "gini"], candidates="cold")
    # Cold are 3 and 5 (4 was met, though not liked). u looks for 5, w for 3; both are shown 3.
    assert found.user_codes.tolist() == [0, 2]
    assert found.per_user["recall@1"].tolist() == [0, 1]
    assert found.per_user["auc"].tolist() == [0, 1]
    assert (found.metrics["coverage@1"], found.metrics["gini@1"]) == (1 / 2, 1 / 2)
    assert found.cold == 1
    assert "(by hand, strict, cold candidates)" in str(found)


def test_warm_items_alone_can_be_candidates(small):
    model = Fixed([1, 1, 1, 9, 2, 9]).fit(small.train)
    found = evaluate(model, small, k=1, metrics=["recall"], candidates="warm")
    # u looks for 4 and is shown it, v for 1 and is shown it: neither 3 nor 5 stands in the way.
    assert found.user_codes.tolist() == [0, 1]
    assert found.per_user["recall@1"].tolist() == [1, 1]
    assert found.cold == 0


def test_how_much_is_cold_is_said(small, model):
    found = evaluate(model, small, k=1, metrics=["recall"])
    assert found.cold == 2 / 4
    assert "50.0 % of the relevant items are cold: training never met them" in str(found)


def test_on_the_cold_items_split_everything_is_cold_and_content_finds_it(tiny):
    cut = split(tiny, "cold-items")
    content = evaluate(ContentKNN().fit(cut.train), cut, k=3, metrics=["recall"], candidates="cold")
    assert content.cold == 1
    assert content.metrics["recall@3"] > evaluate(ContentKNN().fit(cut.train), cut, k=3).metrics["recall@3"]


def test_impossible_requests_are_refused(small, model, tiny):
    with pytest.raises(RequestError, match="the candidates were 'hot': allowed are all, warm, cold"):
        evaluate(model, small, candidates="hot")
    with pytest.raises(RequestError, match=r"cannot be divided by 'age': allowed: history, popularity"):
        evaluate(model, small, by=["age"])
    met = replace(small, train=small.train.with_interactions(log([(u, i, 1) for u in range(3) for i in range(6)])))
    with pytest.raises(DataError, match="training met every item"):
        evaluate(Fixed(range(6)).fit(met.train), met, candidates="cold")
    warm = replace(small, test=small.test.with_interactions(log([(1, 1, 1)])))
    with pytest.raises(DataError, match="holds no new like among the 2 candidates"):
        evaluate(Fixed(range(6)).fit(warm.train), warm, k=1, candidates="cold")
