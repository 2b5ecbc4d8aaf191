import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.folder import load
from palate.data.worlds import make, registry
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._texts import artist_name
from palate.data.worlds._truth import Truth
from palate.data.worlds._tunes import TUNES, make_tune
from palate.data.worlds.music import Music, Tracks
from palate.encoders.mel import Mel
from palate.encoders.pipeline import encode

pytestmark = pytest.mark.xdist_group("data_worlds_music")

SMALL = {"n_items": 60, "n_users": 40, "n_events": 500, "track_seconds": 0.6, "cover_size": 32}
FAULTY = {"missing": 0.1, "lost": 0.1, "truncated": 0.1, "misnamed": 0.1, "silent": 0.1, "missing_text": 0.05}


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("worlds") / "music"
    return folder, Music(**SMALL).write(folder)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_equal_settings_give_equal_bytes_and_another_seed_does_not(music, tmp_path):
    first = digests(music[0])
    Music(**SMALL).write(tmp_path / "again")
    assert digests(tmp_path / "again") == first
    Music(**SMALL, seed=1).write(tmp_path / "other")
    other = digests(tmp_path / "other")
    assert sorted(other) == sorted(first)
    assert [name for name in first if first[name] == other[name]] == []


def test_tracks_have_a_sound_a_cover_a_title_an_artist_and_a_genre(music):
    folder, truth = music
    tracks, plays = (pl.read_csv(folder / f"{name}.csv") for name in ("items", "events"))
    assert (tracks.height, plays.height) == (60, 500)
    assert tracks.null_count().sum_horizontal().item() == 0
    assert 1 < tracks["artist"].n_unique() <= 60 // 8
    assert all((folder / path).is_file() for column in ("sound", "cover") for path in tracks[column])
    assert set(plays["kind"]) == {"play"}
    assert plays["weight"].min() == 1 < plays["weight"].max()
    assert set(truth.attributes) == {"sound", "cover"}


def test_what_is_more_to_the_taste_is_played_more(music):
    folder, truth = music
    plays = pl.read_csv(folder / "events.csv")
    user = [truth.users.index(name) for name in plays["user_id"]]
    item = [truth.items.index(name) for name in plays["item_id"]]
    taste = np.einsum("nd,nd->n", truth.tastes["sound"][user], truth.traits["sound"][item])
    assert np.corrcoef(taste, np.log(plays["weight"]))[0, 1] > 0.25


def test_it_is_the_sound_that_people_choose_by_and_the_genre_hints_at_it():
    world = Music(n_items=300, n_users=300, n_events=5_000)
    worth = Crowd(world.config, Tracks(world.config)).worth()
    gain = {name: worth[name] - worth["chance"] for name in ("sound", "cover", "hidden", "genre")}
    assert worth["everything"] > worth["sound"]
    assert gain["sound"] > 3 * max(gain["cover"], gain["hidden"], gain["genre"])
    assert gain["genre"] > 0.005


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_genre_goes_with_the_instrument_as_often_as_asked(share, tmp_path):
    truth = Music(**SMALL, genre_truth=share).write(tmp_path / "music")
    genre = pl.read_csv(tmp_path / "music" / "items.csv")["genre"]
    pairs = set(zip(genre, truth.attributes["sound"]["instrument"], strict=True))
    assert (len(pairs) == 6) == (share == 1)


def test_what_was_broken_on_purpose_is_absent_and_the_silent_is_missing(tmp_path):
    made = make(Music(**SMALL, **FAULTY, duplicates=0.1), tmp_path / "music")
    assert {fault: len(of["sound"]) for fault, of in made.truth.faults.items() if "sound" in of} == {
        "missing": 6, "lost": 6, "truncated": 6, "misnamed": 6, "silent": 6, "mismatched": 0,
    }  # fmt: skip
    assert made.truth.faults["silent"]["cover"] == []
    part = encode(load(made.path), sound=Mel()).features["sound"]
    assert np.array_equal(part.present, made.truth.whole("sound"))
    assert part.present.sum() == 60 - 24


def test_a_tune_is_what_it_is_asked_to_be():
    def tune(**wanted: str):
        words = {name: values[0] for name, values in TUNES.items()} | wanted
        return make_tune(words, np.random.default_rng(0), 2.0)

    def centre(sound):
        power = np.abs(np.fft.rfft(sound)) ** 2
        return (power * np.arange(len(power))).sum() / power.sum()

    heard = [centre(tune(register=register, instrument="flute")) for register in TUNES["register"]]
    assert heard == sorted(heard)
    others = [tune(**{name: value}) for name, values in TUNES.items() for value in values[1:]]
    assert all(not np.array_equal(tune(), other) for other in others)
    assert max(np.abs(other).max() for other in others) <= 1


def test_artists_have_names_of_their_own():
    assert len({artist_name(number) for number in range(1_000)}) == 1_000


def test_the_registry_knows_it():
    assert registry.get("music") is Music
