"""Each leak is planted and found; nothing is said where nothing was planted."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.clean._leaks import of_split
from palate.clean._shift import of_shift
from palate.core.ids import IdMap
from palate.core.state import State
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import EncoderRef, features_of
from palate.data.interactions import Interactions
from palate.data.split import split

N = 400
HOWS = ("random-per-user", "leave-last-out", "global-time", "cold-items")


def world(n_users=300, n_items=N, each=20, seed=0):
    """Likes by a popularity that stays the same over time; items with a text of their own and honest numbers."""
    rng = np.random.default_rng(seed)
    fame = rng.gamma(0.7, size=n_items) + 0.05
    item = np.concatenate([rng.choice(n_items, each, replace=False, p=fame / fame.sum()) for _ in range(n_users)])
    user = np.repeat(np.arange(n_users), each)
    weight = rng.integers(1, 6, len(item)).astype(np.float32)
    log = Interactions(user.astype(np.int32), item.astype(np.int32), weight, rng.integers(1e9, 1.1e9, len(item)))
    items = IdMap(f"i{code}" for code in range(n_items))
    table = pl.DataFrame({
        "item_id": items.series, "title": [f"thing no. {code}" for code in range(n_items)],
        "price": rng.random(n_items), "votes": fame + rng.gamma(1, size=n_items),
    })  # fmt: skip
    types = {"title": "text", "price": "number", "votes": "number"}
    parts = {"photo": features_of(rng.normal(size=(n_items, 64)))}
    return Dataset(IdMap(f"u{code}" for code in range(n_users)), items, log, Catalogue(table, types), features=parts)


@pytest.fixture(scope="module")
def data():
    return world()


def kinds(cut, **options):
    return {found.kind: found for found in of_split(cut, **options)[0]}


def with_column(data, name, values):
    table = data.catalogue.table.with_columns(pl.Series(name, values))
    return replace(data, catalogue=Catalogue(table, {**data.catalogue.types, name: "number"}))


@pytest.mark.parametrize("how", HOWS)
def test_nothing_is_said_of_a_clean_split(data, how):
    assert kinds(split(data, how)) == {}


@pytest.mark.parametrize("how", HOWS)
def test_a_pair_on_both_sides_is_found(data, how):
    cut = split(data, how)
    again = Interactions.concat(cut.train.interactions, cut.test.interactions.take(np.arange(4)))
    assert kinds(replace(cut, train=cut.train.with_interactions(again)))["split-overlap"].count == 4


def test_a_held_out_item_in_training_is_found(data):
    cut = split(data, "cold-items")
    cold = int(cut.test.interactions.item[0])
    other = int(np.setdiff1d(np.arange(300), cut.test.interactions.user[cut.test.interactions.item == cold])[0])
    one = Interactions(
        np.array([other], np.int32), np.array([cold], np.int32), np.ones(1, np.float32), np.array([10**9])
    )
    leaking = replace(cut, train=cut.train.with_interactions(Interactions.concat(cut.train.interactions, one)))
    for how in ("cold-items", "as-labelled"):
        found = kinds(replace(leaking, how=how))["split-warm"]
        assert (found.count, found.ids, found.column) == (1, (f"i{cold}",), "test")
    assert "split-warm" not in kinds(split(data, "random-per-user"))


def test_training_after_the_test_is_found(data):
    cut = split(data, "global-time")
    time = cut.train.interactions.time.copy()
    time[:3] = 2 * 10**9
    log = cut.train.interactions
    late = Interactions(log.user, log.item, log.weight, time, log.extra)
    assert kinds(replace(cut, train=cut.train.with_interactions(late)))["split-time"].count == 3


def test_users_without_a_past_are_a_note(data):
    cut = split(data)
    log = cut.train.interactions
    without = replace(cut, train=cut.train.with_interactions(log.take(log.user >= 7)))
    assert "7 of 300 users of test have nothing in training" in of_split(without)[1][0]
    assert of_split(cut)[1] == []


def renamed(data, twin, of):
    titles = data.catalogue.table["title"].to_list()
    titles[twin] = f"  {titles[of].upper()}!"
    table = data.catalogue.table.with_columns(pl.Series("title", titles))
    return replace(data, catalogue=Catalogue(table, data.catalogue.types))


def test_a_held_out_item_that_reads_the_same_is_found_whatever_case_and_spaces(data):
    cut = split(data, "cold-items")
    cold, warm = int(cut.test.interactions.item[0]), int(cut.train.interactions.item[0])
    twin = split(renamed(data, cold, warm), "cold-items")
    found = kinds(twin)["split-twins"]
    assert (found.ids, found.details) == ((f"i{cold}",), (f"i{cold}, as i{warm}",))
    assert "have a twin in training that reads the same" in found.what
    assert "split-twins" not in kinds(split(renamed(data, cold, warm)))


def test_a_held_out_item_with_the_same_file_is_found(data, tmp_path):
    cut = split(data, "cold-items")
    cold, warm = int(cut.test.interactions.item[0]), int(cut.train.interactions.item[0])
    names = [f"{code}.png" for code in range(N)]
    for code, name in enumerate(names):
        shade = warm if code == cold else code
        Image.new("RGB", (8, 8), (shade % 256, shade // 256, 0)).save(tmp_path / name)
    table = data.catalogue.table.with_columns(pl.Series("photo", names))
    pictured = replace(data, catalogue=Catalogue(table, {**data.catalogue.types, "photo": "image"}, tmp_path))
    cut = split(pictured, "cold-items")
    found = kinds(cut)["split-twins"]
    assert (found.column, found.details) == ("photo", (f"i{cold}, as i{warm}",))
    assert "split-twins" not in kinds(cut, media=False)
    (tmp_path / names[cold]).unlink()
    assert "split-twins" not in kinds(cut)


def test_without_words_and_files_equal_vectors_are_found(data):
    bare = replace(data, catalogue=bare_catalogue(data.items))
    cut = split(bare, "cold-items")
    assert kinds(cut) == {}
    cold, warm = int(cut.test.interactions.item[0]), int(cut.train.interactions.item[0])
    values = data.part("photo").values.copy()
    values[cold] = values[warm]
    twin = split(bare.with_features(photo=features_of(values)), "cold-items")
    assert kinds(twin)["split-twins"].details == (f"i{cold}, as i{warm}",)
    kind = np.repeat(np.eye(4), 100, axis=0)
    assert kinds(split(bare.with_features(photo=features_of(kind)), "cold-items")) == {}


@pytest.mark.parametrize(
    ("name", "what"), [("sales", "number of interactions"), ("stars", "mean weight"), ("seen", "last time")]
)
@pytest.mark.parametrize("how", HOWS)
def test_a_column_counted_over_all_of_the_log_is_found(data, name, what, how):
    def counted(log):
        count = np.bincount(log.item, minlength=N)
        last = np.zeros(N)
        np.maximum.at(last, log.item, log.time)
        stars = np.round(np.bincount(log.item, log.weight, minlength=N) / np.maximum(count, 1), 2)
        return {"sales": count, "stars": stars, "seen": last}[name]

    found = kinds(split(with_column(data, name, counted(data.interactions)), how))["split-answer"]
    assert found.column == name
    assert f"is their {what} in all of the log, test included" in found.what
    honest = with_column(data, name, counted(split(data, how).train.interactions))
    if how not in ("global-time", "cold-items"):
        assert "split-answer" not in kinds(split(honest, how))


def test_a_column_that_never_varies_is_no_answer(data):
    log = data.interactions
    ones = data.with_interactions(Interactions(log.user, log.item, np.ones(len(log), np.float32), log.time))
    assert kinds(split(with_column(ones, "pieces", np.ones(N)), "cold-items")) == {}


def test_a_column_of_users_counted_over_all_of_the_log_is_found(data):
    rng = np.random.default_rng(1)
    fewer = data.with_interactions(data.interactions.take(rng.random(len(data.interactions)) < 0.5))
    people = pl.DataFrame({"user_id": data.users.series, "orders": np.bincount(fewer.interactions.user, minlength=300)})
    told = replace(fewer, people=Catalogue(people, {"orders": "number"}))
    found = kinds(split(told))["split-answer"]
    assert "'orders' of 300 users is their number of interactions" in found.what


def test_a_part_or_column_that_follows_the_test_is_found(data):
    cut = split(data)
    test = np.bincount(cut.test.interactions.item, minlength=N)
    noise = np.random.default_rng(0).normal(size=(N, 64))
    hidden = noise.copy()
    hidden[:, 17] = test + 0.3 * noise[:, 17]
    found = kinds(split(data.with_features(photo=features_of(hidden))))["split-answer"]
    assert found.column == "photo"
    assert "one of the numbers of the part 'photo' follows what test holds" in found.what
    found = kinds(split(with_column(data, "trend", test * 3.0 + 100 + noise[:, 0])))["split-answer"]
    assert (found.column, "was it counted after the split?" in found.what) == ("trend", True)


def test_a_column_that_follows_the_held_out_items_is_found():
    data = world(n_users=600, n_items=800)
    cut = split(data, "cold-items")
    assert kinds(cut) == {}
    test = np.bincount(cut.test.interactions.item, minlength=800)
    hidden = with_column(data, "trend", test * 3.0 + np.random.default_rng(0).normal(size=800))
    found = kinds(split(hidden, "cold-items"))["split-answer"]
    assert found.column == "trend"
    assert "'trend' follows what test holds far better than training" in found.what


def test_an_encoder_that_learned_from_held_out_items_is_a_note(data):
    learned = replace(data.part("photo"), encoder=EncoderRef("tf-idf", {}, State({"idf": np.ones(3)})))
    told = data.with_features(photo=learned)
    (note,) = of_split(split(told, "cold-items"))[1][-1:]
    assert note.startswith("photo (tf-idf) learned from the whole catalogue, the ")
    assert of_split(split(told))[1] == []
    assert "learned" not in " ".join(of_split(split(data, "cold-items"))[1])


def test_a_shift_in_time_is_found(data):
    rng = np.random.default_rng(0)
    cut = split(data)

    def later(part):
        log = part.interactions
        new = rng.choice(
            N, len(log), p=np.roll(np.bincount(data.interactions.item, minlength=N), N // 2) / len(data.interactions)
        )
        return part.with_interactions(Interactions(log.user, new.astype(np.int32), log.weight, log.time))

    shifted = replace(cut, valid=later(cut.valid), test=later(cut.test))
    (found,) = of_shift(shifted)
    assert found.kind == "split-shift"
    assert "the split is shifted in time" in found.what
    assert of_shift(replace(shifted, valid=cut.valid)) == []


@pytest.mark.data
def test_tiktok_is_shifted_and_baby_is_not(real_data, tmp_path):
    from palate.data.folder import load
    from palate.data.sources.mmrec import MMRec

    for name in ("tiktok", "amazon-baby"):
        MMRec().read(real_data / name, tmp_path / name)
    found = kinds(split(load(tmp_path / "tiktok"), "as-labelled"))
    assert set(found) == {"split-shift"}
    assert "validation and test correlate 0.93, of training and test 0.36" in found["split-shift"].what
    assert kinds(split(load(tmp_path / "amazon-baby"), "as-labelled")) == {}


def test_the_command_looks_at_a_split(data, tmp_path, palate):
    import json

    from palate.data.folder import save

    sales = np.bincount(data.interactions.item, minlength=N)
    save(with_column(data, "sales", sales), tmp_path / "shop")
    code, out, err = palate(
        "data", "check", tmp_path / "shop", "--split", "cold-items", "--seed", 3, "--set", "items=0.3"
    )
    assert (code, err) == (0, "")
    assert "'sales' of" in out
    assert "[split-answer]" in out
    assert max(len(line) for line in out.splitlines() if str(tmp_path) not in line) <= 80
    code, out, _ = palate(
        "data", "check", tmp_path / "shop", "--split", "random-per-user", "--positive", "weight>=4", "--json"
    )
    value = json.loads(out)
    assert [found["kind"] for found in value["problems"] if found["kind"].startswith("split")] == ["split-answer"]
    assert value["positive"] == "weight>=4"
    assert sum(value["splits"].values()) == len(data.interactions)
    assert "split" not in palate("data", "check", tmp_path / "shop", "--json")[1].split("problems")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--split", "random"], "there is no splitter 'random'"),
        (["--split", "as-labelled"], "'as-labelled' needs the column 'split'"),
        (["--split", "cold-items", "--set", "item=0.3"], "did you mean 'items'?"),
        (["--seed", "3"], "--seed and --set are of a split, and none is named"),
        (["--positive", "stars>3"], "write it as weight>=4"),
    ],
)
def test_the_command_refuses_what_is_no_split(data, tmp_path, palate, words, sentence):
    from palate.data.folder import save

    save(data, tmp_path / "shop")
    code, out, err = palate("data", "check", tmp_path / "shop", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
