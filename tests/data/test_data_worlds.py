import hashlib
import io
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from scipy.stats import chi2_contingency

from palate.core.errors import ConfigError, DataError, MissingExtraError
from palate.data.folder import load
from palate.data.worlds import make, registry
from palate.data.worlds._attributes import draw_attributes
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._people import START, draw_fame, utility
from palate.data.worlds._truth import Truth
from palate.data.worlds.shop import Goods, Shop, ShopConfig
from planted import BARE

pytestmark = pytest.mark.xdist_group("data_worlds")

SMALL = {"n_items": 60, "n_users": 40, "n_events": 500, "picture_size": 48, "sound_seconds": 0.3}
FAULTY = {"missing": 0.1, "lost": 0.1, "truncated": 0.1, "misnamed": 0.1, "missing_text": 0.05, "duplicates": 0.1}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("worlds") / "shop"
    return folder, Shop(**SMALL).write(folder)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("worlds") / "faulty"
    return folder, Shop(**SMALL, **FAULTY, bots=0.05, clips=0).write(folder)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def crowd(**settings) -> Crowd:
    config = ShopConfig(**{"n_items": 300, "n_users": 300, "n_events": 5_000, **settings})
    return Crowd(config, Goods(config))


def test_equal_settings_give_equal_bytes_and_another_seed_does_not(shop, tmp_path):
    first = digests(shop[0])
    Shop(**SMALL).write(tmp_path / "again")
    assert digests(tmp_path / "again") == first
    assert any(name.endswith(".mp4") for name in first)
    Shop(**SMALL, seed=1).write(tmp_path / "other")
    other = digests(tmp_path / "other")
    shared = [name for name in first if name in other]
    assert [name for name in shared if first[name] == other[name]] == []


def test_the_world_has_the_size_asked_for(shop):
    folder, truth = shop
    items, users, events = (pl.read_csv(folder / f"{name}.csv") for name in ("items", "users", "events"))
    assert (items.height, users.height, events.height) == (60, 40, 500)
    assert events.select("user_id", "item_id").n_unique() == 500
    assert set(events["item_id"]) <= set(items["item_id"]) == set(truth.items)
    assert events["timestamp"].is_sorted()
    assert events["timestamp"].is_between(START, START + 365 * 86_400).all()
    assert items["clip"].count() == round(0.04 * 60)
    for column in ("picture", "sound", "clip"):
        assert all((folder / path).is_file() for path in items[column].drop_nulls())


@pytest.mark.parametrize("name", ["shop", "short-video"])
def test_without_its_files_a_world_is_the_same(name, tmp_path):
    size = {"n_items": 40, "n_users": 30, "n_events": 300, "seed": 2}
    short = {"clip_seconds": 0.5, "clip_size": 32} if name == "short-video" else {"clips": 0, "picture_size": 32}
    whole, bare = (
        load(make(registry.get(name)(**size, **short, **faults), tmp_path / str(len(faults))).path)
        for faults in ({}, BARE)
    )
    assert bare.interactions.fingerprint == whole.interactions.fingerprint
    assert (bare.users, bare.items) == (whole.users, whole.items)
    assert not any((tmp_path / str(len(BARE))).rglob("*.mp4"))


def test_nobody_buys_before_the_release(shop):
    items, events = (pl.read_csv(shop[0] / f"{name}.csv", try_parse_dates=True) for name in ("items", "events"))
    joined = events.join(items, on="item_id")
    bought = pl.from_epoch(joined["timestamp"], time_unit="s").dt.date()
    assert (bought >= joined["released"]).all()


def test_the_truth_comes_back_from_its_file(shop):
    folder, truth = shop
    again = Truth.load(folder)
    assert again.worth == truth.worth
    assert again.attributes == truth.attributes
    for name, table in truth.tastes.items():
        assert np.array_equal(again.tastes[name], table)
    assert np.allclose(again.part("picture").values, truth.part("picture").values, atol=1e-4)
    with pytest.raises(DataError, match="no modality 'smell'"):
        again.part("smell")


def test_attributes_are_independent_of_one_another_and_of_popularity():
    attributes = draw_attributes(Goods.vocabulary, 1_500, 0)
    flat = {(modality, name): codes for modality, of in attributes.items() for name, codes in of.items()}
    fame = draw_fame(1_500, 0.6, 0) > np.median(draw_fame(1_500, 0.6, 0))
    for first, left in flat.items():
        others = [right for second, right in flat.items() if second > first] + [fame.astype(int)]
        for right in others:
            table = np.zeros((left.max() + 1, right.max() + 1))
            np.add.at(table, (left, right), 1)
            assert chi2_contingency(table).pvalue > 1e-3
        assert np.ptp(np.bincount(left)) <= 1


@pytest.mark.parametrize("modality", ["text", "picture", "sound", "clip"])
def test_only_the_modality_that_carries_the_taste_is_worth_more_than_chance(modality):
    names = {"text", "picture", "sound", "clip", "hidden"}
    worth = crowd(**{f"{name}_taste": 2.0 * (name == modality) for name in names}, clips=1).worth()
    assert worth["everything"] > worth[modality] > 3 * worth["chance"]
    for other in names - {modality}:
        assert abs(worth[other] - worth["chance"]) < 0.03


def test_a_clip_counts_for_the_things_that_have_one():
    people = crowd(clips=0.5, clip_taste=4, popularity=0, recency=0, fresh=0)
    filmed = people.traits["clip"].any(axis=1)
    assert filmed.sum() == 150
    opinion = people.tastes["clip"] @ people.traits["clip"].T
    chosen = opinion[people.user, people.item]
    assert not opinion[:, ~filmed].any()
    assert chosen[filmed[people.item]].mean() > 0.5 > opinion[:, filmed].mean()


def test_what_is_wrong_with_clips_is_planted_among_those_that_are_filmed(tmp_path):
    settings = {**SMALL, "clips": 0.5, "missing": 0.2, "silent": 0.2, "truncated": 0.2, "sound_seconds": 0.2}
    truth = Shop(**settings).write(tmp_path / "shop")
    table = pl.read_csv(tmp_path / "shop" / "items.csv")
    filmed = set(truth.partial["clip"])
    assert len(filmed) == 30
    for fault in ("missing", "silent", "truncated"):
        assert set(truth.faults[fault]["clip"]) < filmed
        assert truth.faults[fault]["clip"]
    named = set(table.filter(pl.col("clip").is_not_null())["item_id"])
    assert named == filmed - set(truth.faults["missing"]["clip"])
    whole = {item for item, good in zip(truth.items, truth.whole("clip"), strict=True) if good}
    assert whole == named - set(truth.faults["truncated"]["clip"])
    heard = {item for item, good in zip(truth.items, truth.whole("clip.sound"), strict=True) if good}
    assert heard == whole - set(truth.faults["silent"]["clip"])


def test_events_follow_utility_and_popularity_follows_zipf():
    people = crowd(n_users=2_000, n_events=40_000, recency=0, fresh=0)
    table = utility(people.tastes, people.traits, people.laws)
    chosen = table[people.user, people.item].mean() - table.mean()
    assert chosen > 0.5 * table.std()
    counts = np.bincount(people.item, minlength=300)
    assert np.corrcoef(np.log(counts), people.fame)[0, 1] > 0.7


def test_faults_are_what_the_truth_says(faulty):
    folder, truth = faulty
    table = pl.read_csv(folder / "items.csv")
    rows = {row["item_id"]: row for row in table.iter_rows(named=True)}
    for column, ending in (("picture", ".png"), ("sound", ".mp3")):
        of = {fault: truth.faults[fault][column] for fault in ("missing", "lost", "truncated", "misnamed")}
        assert {fault: len(items) for fault, items in of.items()} == dict.fromkeys(of, 6)
        assert all(rows[item][column] is None for item in of["missing"])
        assert all(not (folder / rows[item][column]).exists() for item in of["lost"])
        assert all(rows[item][column].endswith(ending) for item in of["misnamed"])
        assert truth.whole(column).sum() == 60 - 18
    assert [item for item in rows if rows[item]["title"] is None] == truth.faults["missing"]["text"]
    assert opened(folder / rows[truth.faults["misnamed"]["picture"][0]]["picture"]).format == "JPEG"


def test_every_whole_picture_opens_and_no_truncated_one(faulty):
    folder, truth = faulty
    paths = pl.read_csv(folder / "items.csv")["picture"].to_list()
    for item, path, whole in zip(truth.items, paths, truth.whole("picture"), strict=True):
        if whole:
            assert opened(folder / path).convert("RGB").size == (48, 48)
        elif item in truth.faults["truncated"]["picture"]:
            with pytest.raises(OSError, match="truncated"):
                opened(folder / path).load()


def test_duplicates_look_alike_and_are_new_items(faulty):
    folder, truth = faulty
    rows = {row["item_id"]: row for row in pl.read_csv(folder / "items.csv").iter_rows(named=True)}
    whole = dict(zip(truth.items, truth.whole("picture"), strict=True))
    pairs = [(new, old) for new, old in truth.faults["duplicates"].items() if whole[new] and whole[old]]
    assert len(truth.faults["duplicates"]) == 6
    for new, old in pairs:
        pixels = [np.asarray(opened(folder / rows[item]["picture"]), float) for item in (new, old)]
        assert np.abs(pixels[0] - pixels[1]).mean() < 12
        assert not np.array_equal(*pixels)
    told = [(new, old) for new, old in truth.faults["duplicates"].items() if rows[old]["title"] and rows[new]["title"]]
    assert told
    assert all(rows[new]["title"] == f"{rows[old]['title']} (new)" for new, old in told)


def test_mismatched_files_are_those_of_other_items(tmp_path):
    size = {"n_items": 40, "n_users": 9, "n_events": 50, "clips": 0, "picture_size": 32, "sound_seconds": 0.2}
    right, wrong = registry.get("shop")(**size), registry.get("shop")(**size, mismatched=0.1)
    right.write(tmp_path / "right")
    truth = wrong.write(tmp_path / "wrong")
    for column, ending in (("picture", "jpg"), ("sound", "wav")):
        swapped = truth.faults["mismatched"][column]
        assert len(swapped) == 4
        shown = dict(zip(swapped, [swapped[-1], *swapped[:-1]], strict=True))
        for item in truth.items:
            whose = tmp_path / "right" / f"{column}s" / f"{shown.get(item, item)}.{ending}"
            assert (tmp_path / "wrong" / f"{column}s" / f"{item}.{ending}").read_bytes() == whose.read_bytes()
    events = [(tmp_path / name / "events.csv").read_bytes() for name in ("right", "wrong")]
    assert events[0] == events[1]


def test_pictures_that_agree_go_with_the_texts():
    def same(agreement):
        items = Goods(ShopConfig(n_items=400, n_users=9, n_events=50, agreement=agreement))
        return (items.attributes["picture"]["motif"] == items.attributes["text"]["theme"]).mean()

    assert same(1) == 1
    assert same(0.5) == pytest.approx(0.5 + 0.5 / 8, abs=0.06)
    assert same(0) == pytest.approx(1 / 8, abs=0.05)


def test_bots_click_much_in_one_hour(faulty):
    folder, truth = faulty
    events = pl.read_csv(folder / "events.csv")
    bots = events.filter(pl.col("user_id").is_in(truth.faults["bots"]))
    assert len(truth.faults["bots"]) == 2
    assert events.height - bots.height == 500
    spans = bots.group_by("user_id").agg(pl.len(), (pl.max("timestamp") - pl.min("timestamp")).alias("span"))
    assert (spans["len"] >= 40).all()
    assert (spans["span"] < 3_600).all()


@pytest.mark.parametrize(("language", "share"), [("en", 0.0), ("zh", 1.0)])
def test_language_of_the_texts(language, share, tmp_path):
    Shop(**{**SMALL, "n_items": 30, "n_events": 60, "clips": 0}, language=language).write(tmp_path / "shop")
    titles = pl.read_csv(tmp_path / "shop" / "items.csv")["title"]
    assert titles.str.contains(r"\p{Han}").mean() == share


def test_pictures_and_sounds_do_not_depend_on_how_many_others_there_are(shop, tmp_path):
    Shop(**{**SMALL, "n_users": 20, "n_events": 100, "clips": 0}).write(tmp_path / "less")
    first, second = digests(shop[0]), digests(tmp_path / "less")
    assert {name for name in second if name.startswith(("pictures", "sounds")) and first[name] == second[name]} == {
        name for name in first if name.startswith(("pictures", "sounds"))
    }


def test_another_folder_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(DataError, match="something else than a generated world"):
        Shop(**SMALL).write(tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_wrong_settings_are_refused_in_one_sentence():
    with pytest.raises(ConfigError, match="did you mean 'picture_taste'"):
        Shop(pictures_taste=1)
    with pytest.raises(ConfigError, match="n_events was 601 and is at most 600"):
        Shop(n_items=60, n_users=40, n_events=601)
    with pytest.raises(ConfigError, match=r"setting 'missing' was 0\.7"):
        Shop(missing=0.7)
    with pytest.raises(ConfigError, match="together exceed 1"):
        Shop(missing=0.5, lost=0.5, truncated=0.1)


def test_clips_need_pyav_and_say_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match="palate\\[media\\]"):
        Shop(**SMALL).write(tmp_path / "shop")
    assert list(tmp_path.iterdir()) == []


def test_the_smallest_world_is_a_world_too(tmp_path):
    truth = Shop(n_items=30, n_users=2, n_events=5, clips=0, bots=0.5, sound_seconds=0.2).write(tmp_path / "shop")
    assert pl.read_csv(tmp_path / "shop" / "events.csv").height == 5 + 30 * len(truth.faults["bots"])


def test_the_registry_knows_the_shop():
    assert "shop" in registry.names()
    assert registry.get("shop") is Shop
    assert set(Goods.vocabulary) == {"text", "picture", "sound", "clip"}


def test_a_world_is_there_with_its_truth_or_not_at_all(tmp_path, monkeypatch):
    world = Shop(**SMALL, clips=0)
    make(world, tmp_path / "ds")
    before = digests(tmp_path / "ds")
    with monkeypatch.context() as patch:
        patch.setattr(Truth, "save", lambda truth, folder: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(Shop(**SMALL, clips=0, seed=1), tmp_path / "ds")
    assert digests(tmp_path / "ds") == before
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]
    assert make(world, tmp_path / "ds", reuse=True).report is None
    with pytest.raises(DataError, match="name two folders"):
        make(world, tmp_path / "ds", tmp_path / "ds" / "raw")
