"""Curves of a model whose items lose their parts."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.data.missing import with_missing
from palate.data.split import split
from palate.evaluation import evaluate, missing_curve
from palate.evaluation._drops import Drop
from palate.evaluation._report_charts import apart
from palate.evaluation._report_lines import Level, Line, Plot, Spot
from palate.evaluation.missing import _intervals
from palate.interfaces import Queries
from palate.models import ContentKNN, Ensemble, Popularity


@pytest.fixture(scope="module")
def cut():
    from tiny_data import make_dataset

    return split(make_dataset(n_users=120))


def knn(_):
    return ContentKNN(neighbours=5)


@pytest.fixture(scope="module")
def curves(cut):
    return missing_curve(knn, cut, ["title=0.3,0.6,0.9", "photo=0.5,1", "all=0.5,1"], seeds=3, k=5)


def points(found, drop):
    return next(curve.points for curve in found.curves if curve.drop == drop)


@pytest.mark.parametrize(
    ("text", "parts", "shares"),
    [
        ("poster=0.5", ("poster",), (0.5,)),
        ("all=0.3", (), (0.3,)),
        ("all=0..0.3", (), (0.1, 0.2, 0.3)),
        ("poster=0.1..0.9", ("poster",), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ("a+b=0.2..1:0.4", ("a", "b"), (0.2, 0.6, 1.0)),
        (" a + b = 0.5, 0.25,0.5 ", ("a", "b"), (0.25, 0.5)),
        ("x=y=1", ("x=y",), (1.0,)),
    ],
)
def test_drops_are_read(text, parts, shares):
    assert Drop.parse(text) == Drop(parts, shares)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("poster", "does not say what to drop: write PART=SHARE"),
        ("=0.5", "does not say what to drop"),
        ("poster=", "does not say what to drop"),
        ("poster=half", "the share 'half' in 'poster=half' is no number"),
        ("poster=50", "was 50: give numbers above 0 and at most 1; for 50 % write 0.5"),
        ("poster=0", "was 0: give numbers above 0"),
        ("poster=-1", "was -1"),
        ("poster=nan", "cannot be read"),
        ("poster=0.9..0.1", "cannot be read"),
        ("poster=0.1..0.9:0", "cannot be read"),
        ("poster=0.1..0.9:x", "is no number"),
        ("poster=0.5:0.1", "cannot be read"),
        ("all+title=0.5", "names all parts and others"),
    ],
)
def test_drops_that_cannot_be_read_are_refused(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Drop.parse(text)


def test_with_nothing_dropped_it_is_what_evaluate_says(cut, curves):
    alone = evaluate(knn(0).fit(cut.train), cut, 5, ("recall", "ndcg"))
    assert curves.whole.metrics == alone.metrics
    floor = evaluate(Popularity().fit(cut.train), cut, 5, ("recall", "ndcg"))
    assert curves.floor.metrics == floor.metrics


def test_the_part_that_carries_the_taste_is_missed_and_noise_is_not(curves):
    lost = [point.change["recall@5"] for point in points(curves, "title")]
    assert lost[0] > lost[1] > lost[2]
    low, high = points(curves, "title")[-1].change_intervals["recall@5"]
    assert low < lost[2] < high < 0
    assert points(curves, "photo")[-1].change["recall@5"] > -0.02


def test_a_point_is_the_mean_over_draws_that_anyone_can_repeat(cut, curves):
    point = points(curves, "title")[1]
    figures = []
    for seed in range(3):
        poorer = with_missing(cut.train, ["title"], 0.6, seed)
        figures.append(evaluate(knn(0).fit(poorer), cut, 5, ("recall",)).metrics["recall@5"])
    assert point.metrics["recall@5"] == pytest.approx(np.mean(figures))
    assert point.std["recall@5"] == pytest.approx(np.std(figures, ddof=1))
    assert point.coverage == {"title": pytest.approx(0.4)}


def test_a_part_that_is_gone_is_a_part_that_never_was(cut, curves):
    without = type(cut)(cut.train.without_features("photo"), cut.valid, cut.test, cut.how)
    alone = evaluate(knn(0).fit(without.train), without, 5, ("recall",))
    assert points(curves, "photo")[-1].metrics["recall@5"] == pytest.approx(alone.metrics["recall@5"])
    assert points(curves, "photo")[-1].std["recall@5"] == 0


def test_where_nothing_is_left_the_reason_is_told(curves):
    last = points(curves, "all")[-1]
    assert last.metrics == {}
    assert "no item has any of the parts photo, title" in last.error
    assert "all at 100 % has no figures: no item has any" in str(curves)


def test_training_sees_what_is_left_and_the_test_part_stays(cut):
    seen = []

    class Spy(Popularity):
        def _fit(self, train, valid, run):
            seen.append((train.part("title").coverage, valid.part("title").coverage, train.interactions, run.seed))
            super()._fit(train, valid, run)

    found = missing_curve(lambda _: Spy(), cut, ["title=0.5"], seeds=2, k=5, model_seed=7)
    assert [(one, two, seed) for one, two, _, seed in seen] == [(1, 1, 7), (0.5, 0.5, 7), (0.5, 0.5, 7)]
    assert all(log is cut.train.interactions for _, _, log, _ in seen)
    assert "title changes nothing at any share: the model does not depend on it." in str(found)
    assert points(found, "title")[0].change_intervals["recall@5"] == (0, 0)


def test_refit_fits_on_validation_too_and_says_so(cut):
    found = missing_curve(knn, cut, ["title=0.5"], seeds=1, k=5, protocol="refit")
    alone = evaluate(knn(0).fit(cut.refit().train), cut, 5, ("recall",), "refit")
    assert found.whole.metrics["recall@5"] == alone.metrics["recall@5"]
    for text in (str(found), found.to_markdown(), found.plot(), found.to_json()["model"]):
        assert "content-knn (refit)" in text
    assert found.to_json()["protocol"] == "refit"


def test_the_interval_counts_users_and_draws():
    same = np.tile(np.random.default_rng(0).random(400), (4, 1))
    holes = same.copy()
    holes[2, :200] = np.nan
    tables = {
        "same": same, "draws": same + np.array([[-0.2], [-0.1], [0.1], [0.2]]), "holes": holes,
        "nothing": np.full((4, 400), np.nan),
    }  # fmt: skip
    found = _intervals(tables, 1000)
    low, high = found["same"]
    spread = 1.96 * same[0].std() / 20
    assert low == pytest.approx(same.mean() - spread, abs=0.006)
    assert high == pytest.approx(same.mean() + spread, abs=0.006)
    assert found["draws"][1] - found["draws"][0] > 1.5 * (high - low)
    half = 1.96 * same[0, 200:].std() / np.sqrt(200)
    assert found["holes"] == pytest.approx((same[0, 200:].mean() - half, same[0, 200:].mean() + half), abs=0.01)
    assert np.isnan(found["nothing"]).all()
    assert _intervals({"same": same}, 1000)["same"] == found["same"]


def test_what_cannot_be_dropped_is_refused(cut):
    with pytest.raises(
        ConfigError, match="content-knn reads no part 'photos' that could be dropped: did you mean 'photo'"
    ):
        missing_curve(knn, cut, ["photos=0.5"])
    with pytest.raises(ConfigError, match="given 0 drops and 5 seeds"):
        missing_curve(knn, cut, [])
    with pytest.raises(ConfigError, match="'auc' is not measured"):
        missing_curve(knn, cut, ["all=0.5"], by="auc", k=5)
    with pytest.raises(ConfigError, match="resamples was 0"):
        missing_curve(knn, cut, ["all=0.5"], seeds=1, k=5, resamples=0)
    bare = type(cut)(cut.train.without_features("title", "photo"), cut.valid, cut.test, cut.how)
    with pytest.raises(DataError, match="no features of items"):
        missing_curve(knn, bare, ["all=0.5"])


@pytest.mark.parametrize(
    ("metrics", "drawn"),
    [("ndcg", "ndcg@5"), (["accuracy"], "recall@5"), (["map@3", "map"], "map@3"), (["coverage", "auc"], "coverage@5"), (["auc"], "auc")],
)  # fmt: skip
def test_what_was_asked_for_first_is_drawn(cut, metrics, drawn):
    found = missing_curve(knn, cut, ["all=0.5"], seeds=1, k=(3, 5), metrics=metrics, resamples=10)
    assert found.by == drawn
    assert drawn in str(found)


def test_json_holds_every_point(curves):
    value = json.loads(json.dumps(curves.to_json(), allow_nan=True))
    assert value["metrics"] == curves.whole.metrics
    rows = value["missing"]["rows"]
    assert [(row["drop"], row["share"]) for row in rows[:4]] == [
        ("title", 0.3),
        ("title", 0.6),
        ("title", 0.9),
        ("photo", 0.5),
    ]
    assert set(rows[0]) >= {"parts", "metrics", "std", "intervals", "change", "change_intervals", "coverage", "error"}
    assert value["missing"]["floor"]["model"] == "popularity"


def test_the_table_fits_eighty_columns(curves):
    table = str(curves).split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert sum(line.startswith("title") for line in table) == 3


def test_the_plot_draws_every_point_and_says_what_it_shows(curves):
    root = ET.fromstring(curves.plot())
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    lines = root.findall(f".//{space}polyline")
    assert [len(line.get("points").split()) for line in lines] == [4, 3, 2]
    words = " ".join(root.itertext())
    for said in (
        "content-knn: recall@5 when parts",
        "mean of 3 draws",
        "all parts",
        "photo",
        "popularity .",
        "nothing missing .",
    ):
        assert said in words


def test_equal_questions_have_equal_answers(cut):
    one, two = (missing_curve(knn, cut, ["title=0.5"], seeds=2, k=5) for _ in range(2))
    assert one.to_json()["missing"] == two.to_json()["missing"]
    assert one.plot() == two.plot()


def test_words_at_the_ends_do_not_touch():
    placed = apart([50, 10, 11, 12, 95, 96], 15, 0, 100)
    assert np.argsort(placed).tolist() == [1, 2, 3, 0, 4, 5]
    assert (np.diff(sorted(placed)) >= 15 - 1e-9).all()
    assert (min(placed), max(placed)) >= (0, 0)
    assert max(placed) <= 100


def test_a_plot_of_many_lines_and_odd_words_is_whole():
    lines = [
        Line(f"<{n}> & more than twenty six letters", [Spot(0, 1, 1, 1, '"'), Spot(1, n / 9, 0, 1, "<")])
        for n in range(9)
    ]
    svg = Plot("a < b", ("&",), "x", "y", lines, [Level("l", 1.0)]).svg(alone=True)
    root = ET.fromstring(svg)
    assert svg.count('stroke-dasharray="7 4"') == 3
    assert "<0> & more than twenty six…"[:20] in " ".join(root.itertext())


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_reviews_go_missing_by_item(cut, protocol):
    from palate.data.dataset import Dataset
    from palate.data.features import features_of

    def reviewed(data: Dataset) -> Dataset:
        group = np.eye(3)[data.interactions.item % 3]
        return data.without_features("title", "photo").with_features(review=features_of(group, of="interactions"))

    told = type(cut)(*(reviewed(part) for part in (cut.train, cut.valid, cut.test)), cut.how)
    found = missing_curve(knn, told, ["review=0.3,0.8"], seeds=2, k=5, protocol=protocol)
    few, many = points(found, "review")
    assert (few.coverage["review"], many.coverage["review"]) == (pytest.approx(0.7), pytest.approx(0.2))
    assert many.change["recall@5"] < few.change["recall@5"] < 0


def test_what_is_missing_only_at_serving_leaves_the_learned_as_it_is(cut):
    found = missing_curve(knn, cut, ["title=0.6", "all=1"], seeds=1, k=5, at="serve")
    poorer = with_missing(cut.train, ["title"], 0.6, 0)
    fitted = knn(0).fit(cut.train)
    again = fitted.reading(poorer.item_parts())
    assert again.fusion is fitted.fusion
    alone = evaluate(again, cut, 5, ("recall",)).metrics["recall@5"]
    assert points(found, "title")[0].metrics["recall@5"] == pytest.approx(alone)
    assert fitted.score(Queries.of_users(cut.train, np.arange(3, dtype=np.int32))).shape == (3, 30)
    (nothing,) = points(found, "all")
    assert (nothing.unscored, nothing.metrics["recall@5"]) == (1, 0)
    assert "Fitted once on everything, missing only when it scores" in str(found)
    assert found.to_json()["missing"]["at"] == "serve"


def test_an_ensemble_can_serve_poorer_items_and_popularity_need_not(cut):
    def both(_):
        return Ensemble({"knn": ContentKNN(neighbours=5), "bestsellers": Popularity()}, weights="given")

    found = missing_curve(both, cut, ["title=0.9"], seeds=1, k=5, at="serve")
    assert found.curves[0].points[0].change["recall@5"] < 0
    with pytest.raises(ConfigError, match="popularity cannot be shown other parts once it is fitted"):
        missing_curve(lambda _: Popularity(), cut, ["title=0.9"], at="serve", k=5)
    with pytest.raises(ConfigError, match="to go missing at 'night': allowed are fit, serve"):
        missing_curve(knn, cut, ["title=0.9"], at="night", k=5)
