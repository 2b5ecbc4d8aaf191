"""The report: one file, complete, escaped, small, and whole whatever the media are like."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.core.errors import MemoryLimitError, RequestError, StoreError
from palate.data.catalogue import Catalogue
from palate.data.split import split
from palate.evaluation import compare
from palate.evaluation._report_charts import Bar, Dot, Mark, bars, intervals, marks
from palate.evaluation._report_media import Media, thumbnail
from palate.evaluation.report import write_report
from palate.models import Popularity

EVIL = "<script>alert('x')</script>&\"'"
VOID = {"meta", "img", "br", "line", "circle", "link", "input"}


class Page(HTMLParser):
    """Collects tags, texts and addresses, and checks that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def png(size=(300, 200), mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], len(mode)), np.uint8), mode).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


@pytest.fixture
def shop(tiny, tmp_path):
    """The small shop with pictures of every kind of badness, sounds, and titles that try to break out."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "sounds").mkdir()
    names, good = [], png()
    for item in range(30):
        name = f"pictures/{item}.jpg"
        content = {0: b"", 1: b"no picture", 2: good[:400], 3: png(mode="RGBA")}.get(item, good)
        if item != 4:
            (tmp_path / name).write_bytes(content)
        names.append(None if item == 5 else name)
        (tmp_path / "sounds" / f"{item}.wav").write_bytes(b"RIFF" + bytes(2000 if item % 2 else 500_000))
    table = pl.DataFrame(
        {
            "item_id": tiny.items.series,
            "title": [f"{EVIL} {item}" for item in range(30)],
            "picture": names,
            "sound": [f"sounds/{item}.wav" for item in range(30)],
        }
    )
    types = {"title": "text", "picture": "image", "sound": "audio"}
    return replace(tiny, catalogue=Catalogue(table, types, tmp_path), name=f"shop {EVIL}")


def popularity(seed):
    return Popularity()


def test_the_report_is_one_whole_file(shop, tmp_path):
    cut = split(shop)
    found = compare(cut, {"popularity": popularity, EVIL: popularity, "hungry": hungry}, k=5, seeds=2)
    path = write_report(tmp_path / "out" / "report.html", shop, cut, found)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert len(text) < 3_000_000
    assert page.addresses
    assert all(address.startswith("data:") for address in page.addresses)
    assert "<script" not in text
    assert "url(" not in text
    assert "$" not in text.replace("data:", "")[: text.index("<body>")]
    assert page.count("svg") == 3
    assert page.count("img") > 40
    assert page.count("audio") > 3
    assert page.text.count("of these in fact liked") == 6
    for word in (f"shop {EVIL}", f"{EVIL} 7", "picture", "title", "95 %", "a lot", "because it was popular"):
        assert (word in page.text) == (word not in ("a lot", "because it was popular"))
    assert "would take 900 MB" in page.text


def hungry(seed):
    raise MemoryLimitError("it would take 900 MB")


def test_several_comparisons_stand_one_after_the_other(shop, tmp_path):
    cut, other = split(shop), split(shop, "leave-last-out")
    found = [compare(each, {"popularity": popularity}, k=5) for each in (cut, other)]
    page = Page(write_report(tmp_path / "r.html", shop, cut, found).read_text(encoding="utf-8"))
    assert page.count("h2") == 4
    assert page.count("svg") == 2
    assert "leave-last-out, strict" in page.text


def test_every_plot_says_how_to_read_it(tiny, tmp_path):
    cut = split(tiny)
    found = compare(cut, {"popularity": popularity, "reversed": lambda _: Reversed()}, k=5)
    text = write_report(tmp_path / "r.html", tiny, cut, found).read_text(encoding="utf-8")
    page = Page(text)
    assert page.count("svg") == 3
    assert len(re.findall(r'</svg></div><p class="lead reading">[^<]{60,}</p>', text)) == 3
    assert len(re.findall(r'<text class="title"[^>]*>[^<]{15,}</text>', text)) == 3
    assert "popularity against each other model" in page.text
    assert "hollow: validation, which chose" in page.text


class Reversed(Popularity):
    """Scores by unpopularity."""

    def _fit(self, train, valid, run):
        super()._fit(train, valid, run)
        self.counts = -self.counts


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_markdown_says_what_the_page_says(shop, tmp_path, protocol):
    cut = split(shop)
    models = {"popularity": popularity, EVIL: lambda _: Reversed(), "hungry": hungry}
    found = compare(cut, models, k=(3, 5), seeds=2, protocol=protocol, pairs="all")
    text = write_report(tmp_path / "r.md", shop, cut, found).read_text(encoding="utf-8")
    page = Page(write_report(tmp_path / "r.html", shop, cut, found).read_text(encoding="utf-8"))
    assert text.startswith("<!-- Palate report -->\n")
    assert "<script" not in text
    for row in found.rows[:2]:
        for figure in (row["metrics"]["recall@5"], row["valid"]["recall@5"], *row["intervals"]["ndcg@3"]):
            assert f"{figure:.4f}" in text
            assert f"{figure:.4f}" in page.text
    for words in (
        "it would take 900 MB",
        "Every metric on test",
        "Holm",
        "random-per-user, seed 0",
        "picture",
        "Notes",
    ):
        assert words in text
        assert words in page.text
    widths = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    tables = re.split(r"\n(?!\|)", text)
    assert len(widths) > 20
    for table in tables:
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") - line.count("\\|") for line in lines}) <= 1
    headings = [line for line in text.splitlines() if line]
    assert not any(one.startswith("###") and two.startswith("##") for one, two in pairwise(headings))
    assert "Quality and cost" not in text
    assert "Quality and cost" in page.text
    if protocol == "refit":
        for name in found.trials:
            assert name.endswith(" (refit)")
        assert "popularity (refit)" in text
        assert "popularity (refit)" in page.text
        assert "| popularity |" not in text
        assert "fitted again on train and validation, then judged once by test" in text


def test_a_report_is_a_page_or_markdown_and_replaces_only_reports(tiny, tmp_path):
    cut = split(tiny)
    found = compare(cut, {"popularity": popularity}, k=5)
    with pytest.raises(RequestError, match=r"'r.pdf': its name must end in .html or .md"):
        write_report(tmp_path / "r.pdf", tiny, cut, found)
    (tmp_path / "notes.md").write_text("# mine")
    with pytest.raises(RequestError, match="is no report, so it is not replaced"):
        write_report(tmp_path / "notes.md", tiny, cut, found)
    for name in ("r.md", "r.html", "r.htm"):
        first = write_report(tmp_path / name, tiny, cut, found).read_text(encoding="utf-8")
        assert write_report(tmp_path / name, tiny, cut, found).read_text(encoding="utf-8") == first


def test_a_catalogue_without_media_and_a_model_given(tiny, tmp_path):
    cut = split(tiny)
    found = compare(cut, {"popularity": popularity}, k=5, protocol="refit")
    model = Popularity().fit(cut.refit().train)
    page = Page(write_report(tmp_path / "r.html", tiny, cut, found, model, users=2).read_text(encoding="utf-8"))
    assert page.count("img") == 0
    assert sum(attrs.get("class") == "person" for _, attrs in page.tags) == 2
    assert "thing" in page.text


def test_hits_are_marked(tiny, tmp_path):
    cut = split(tiny)
    truth = cut.test.liked.toarray()

    class Oracle(Popularity):
        def score(self, queries, items=None):
            return super().score(queries, items) * 0 + truth[queries.user]

    page = Page(
        write_report(
            tmp_path / "r.html", tiny, cut, compare(cut, {"oracle": lambda _: Oracle()}, k=5), users=40
        ).read_text(encoding="utf-8")
    )
    assert sum(attrs.get("class") == "hit" for _, attrs in page.tags) == cut.test.liked.nnz


def test_equal_data_give_an_equal_draw_of_people(tiny, tmp_path):
    cut = split(tiny)
    found = compare(cut, {"popularity": popularity}, k=5)
    one, two, three = (
        write_report(tmp_path / f"{n}.html", tiny, cut, found, seed=s).read_text(encoding="utf-8")
        for n, s in ((1, 0), (2, 0), (3, 1))
    )
    assert one == two
    assert one != three


def test_a_disk_that_refuses_leaves_the_old_report(tiny, tmp_path):
    cut = split(tiny)
    found = compare(cut, {"popularity": popularity}, k=5)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be written"):
        write_report(tmp_path / "file" / "r.html", tiny, cut, found)


def test_thumbnails_are_small_jpegs_and_broken_pictures_are_none(shop, tmp_path):
    pictures = tmp_path / "pictures"
    small = thumbnail(pictures / "7.jpg")
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (128, 85)
    assert [thumbnail(pictures / f"{n}.jpg") for n in (0, 1, 2, 4)] == [None] * 4
    assert thumbnail(pictures / "3.jpg") is not None
    huge = tmp_path / "huge.png"
    Image.new("1", (10_000, 10_000)).save(huge)
    assert thumbnail(huge) is None


def test_media_stop_when_there_is_no_more_room(shop):
    media = Media(shop.catalogue, picture_bytes=20_000, sound_bytes=3_000)
    shown = [media.picture(code, "thing") for code in range(6, 30)]
    assert 0 < sum("<img" in html for html in shown) < 24
    assert (
        sum(len(base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])) for html in shown if "<img" in html) < 20_000
    )
    assert [bool(media.sound(code, "thing")) for code in (0, 1, 3)] == [False, True, False]


def test_bars_say_a_hundred_percent_only_of_all():
    html = bars([Bar("a", "text", 0.99996), Bar("b", "text", 1), Bar("c", "text", 0)])
    assert re.findall(r'class="share">([^<]+)<', html) == ["over 99.9 %", "100 %", "0 %"]


@pytest.mark.parametrize(("low", "high"), [(0.08, 0.12), (0, 0), (0.5, 0.5000001), (0, 1), (float("nan"), 0.4)])
def test_the_plot_draws_whatever_the_range(low, high):
    svg = intervals([Dot("a", (low + high) / 2, low, high, True)], "recall")
    Page(svg)
    ticks = [float(t) for t in re.findall(r'class="tick"[^>]*>([^<]+)<', svg)]
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(ticks)
    if low == low:
        assert ticks[0] <= low <= high <= ticks[-1] + 1e-9


@pytest.mark.parametrize("seconds", [[0.0, 0.0], [0.001, 250], [3, 4, 5]])
def test_the_plane_draws_whatever_the_costs(seconds):
    svg = marks([Mark(f"<{n}>", x, 0.1) for n, x in enumerate(seconds)], "a < b", "u", "x", "y")
    Page(svg)
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    assert places == sorted(places)
    assert min(places) >= 64
    assert max(places) <= 680 - 170
