"""The page and the report as a person sees them, in headless Chromium."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from PIL import Image

from palate.bundle import Bundle, Recipe, train
from palate.data.catalogue import Catalogue
from palate.data.folder import load, save
from palate.data.split import split
from palate.data.store import Store, store_of
from palate.encoders.pipeline import encode
from palate.evaluation import compare
from palate.evaluation.report import write_report
from palate.models import ContentKNN, ItemKNN, Popularity
from palate.serving.app import create_app
from palate.serving.server import address, listen, server_of
from small_shop import write_shop

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("e2e_browser")]

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
BROKEN = "return [...document.images].filter((image) => image.loading !== 'lazy' && !image.naturalWidth).length"
SHOWN = "return [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    made = write_shop(place / "files")
    for photo in (place / "files" / "media" / "photo").iterdir():
        Image.open(photo).rotate(90, expand=True).save(photo)
    known = made.catalogue
    both = Catalogue(known.table.with_columns(voice="sound"), {**known.types, "voice": "audio"}, known.root)
    save(replace(made, catalogue=both), place / "ds")
    return encode(load(place / "ds"), title="tf-idf", sound="mel")


@pytest.fixture(scope="module")
def where(shop, tmp_path_factory):
    folder = train(shop, Recipe(model="content-knn")).bundle().save(tmp_path_factory.mktemp("bundle") / "b")
    listener = listen("127.0.0.1", 0)
    server = server_of(create_app(Bundle.open(folder), None, Store(store_of(folder))))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield address(listener)
    server.should_exit = True
    thread.join(timeout=20)
    listener.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (Path(CHROMIUM).exists() and Path(DRIVER).exists()):
        message = f"{CHROMIUM} or {DRIVER} is absent: install Chromium and its driver"
        if os.environ.get("PALATE_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1200,1000"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture
def page(browser, where):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get("about:blank")
    browser.get(where + "/")
    wait(browser, "#recommended .card")
    yield browser
    assert browser.get_log("browser") == []


def until(browser, condition):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20, 0.05, ignored_exceptions=[StaleElementReferenceException]).until(condition)


def wait(browser, selector, text=None):
    def there(driver):
        found = [node for node in all_of(driver, selector) if node.is_displayed()]
        return [node for node in found if text is None or text in node.text]

    return until(browser, there)


def all_of(browser, selector):
    return browser.find_elements("css selector", selector)


def one(browser, selector):
    return browser.find_element("css selector", selector)


def test_a_person_sees_a_past_recommendations_and_reasons(page):
    one(page, "#who").send_keys("user 1")
    until(page, lambda driver: len(all_of(driver, "#people button")) == 11)
    wait(page, "#people button", "user 17")[0].click()
    wait(page, "#recommended h2", "Recommended for user 17")
    assert "What user 17 met before" in one(page, "#past").text
    assert len(all_of(page, "#past .card")) >= 5
    cards = all_of(page, "#recommended .card")
    assert len(cards) == 12
    assert "because you liked" in cards[0].text
    bars = cards[0].find_element("css selector", ".bars").text
    assert ("photo" in bars, "title" in bars, "%" in bars) == (True, True, True)


def test_pictures_are_seen_and_sounds_can_be_played(page):
    until(page, lambda driver: driver.execute_script(SHOWN) >= 6)
    assert page.execute_script(BROKEN) == 0
    play = """
        const [sound, done] = [document.querySelector("#recommended audio"), arguments[0]];
        sound.addEventListener("loadedmetadata", () => done(sound.duration));
        sound.addEventListener("error", () => done(-1));
        sound.load(); sound.preload = "auto";
    """
    assert page.execute_async_script(play) == pytest.approx(0.3, abs=0.05)


def test_a_picture_higher_than_wide_is_seen_whole(page):
    until(page, lambda driver: driver.execute_script(SHOWN) >= 6)
    cut = """
        const height = (node) => node.getBoundingClientRect().height;
        const pictures = [...document.querySelectorAll(".picture img")].filter((image) => image.naturalHeight > image.naturalWidth);
        return [pictures.length, pictures.filter((image) => height(image) > height(image.parentNode) + 1).length];
    """
    count, too_high = page.execute_script(cut)
    assert count >= 6
    assert too_high == 0


def test_several_sounds_of_an_item_are_told_apart(page):
    assert [node.text for node in all_of(page, "#recommended .media")[0].find_elements("css selector", "small")] == [
        "sound",
        "voice",
    ]
    labels = {node.get_attribute("aria-label") for node in all_of(page, "#recommended audio")[:2]}
    assert len(labels) == 2


def test_reasons_of_small_cards_can_be_read(page):
    all_of(page, "#recommended .open")[0].click()
    wait(page, "dialog .strip .why")
    short = "return [...document.querySelectorAll('dialog .bars span')].filter((node) => node.scrollWidth > node.clientWidth).length"
    assert page.execute_script(short) == 0
    page.execute_script("document.querySelector('dialog').close()")


def test_titles_are_text_and_never_markup(page):
    assert "<b>&amp;</b>" in one(page, "#recommended .name").text
    assert all_of(page, ".name b") == []


def test_search_and_similar_items(page):
    one(page, "#text").send_keys("green lamp\n")
    wait(page, "#found h2", "green lamp")
    names = [node.text for node in all_of(page, "#found .name")]
    assert all("Green lamp" in name for name in names[:3])
    assert "title: Green, lamp" in one(page, "#found .why").text
    all_of(page, "#found .open")[0].click()
    wait(page, "dialog .strip .card")
    assert "lamp" in one(page, "dialog h2").text
    assert "price" in one(page, "dialog dl").text
    title = one(page, "dialog h2").text
    all_of(page, "dialog .strip .open")[0].click()
    wait(page, "dialog h2")
    page.execute_script("document.querySelector('dialog').close()")
    assert title


def test_search_by_a_sound(page, shop):
    assert one(page, "#by-sound").is_displayed()
    assert not one(page, "#by-image").is_displayed()
    one(page, "#sound").send_keys(str(shop.catalogue.root / "media" / "sound" / "8.wav"))
    wait(page, "#found h2", "Sounds like 8.wav")
    assert "no. 8 " in all_of(page, "#found .name")[0].text


def test_the_keyboard_is_enough(page):
    from selenium.webdriver.common.keys import Keys

    page.switch_to.active_element.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "text"
    one(page, "#who").send_keys(Keys.ARROW_DOWN, Keys.NULL)
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    second = page.switch_to.active_element.get_attribute("data-user")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    wait(page, "#recommended h2", f"Recommended for {second}")
    one(page, "#recommended .open").send_keys(Keys.ENTER)
    wait(page, "dialog[open]")
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert all_of(page, "dialog[open]") == []


def test_somebody_unknown_is_told(page):
    one(page, "#who").send_keys("a stranger\n")
    wait(page, "#recommended .notice", "this is what most people like")
    assert "people liked it" in one(page, "#recommended .why").text
    assert not one(page, "#past").is_displayed()


def test_it_fits_a_telephone(page):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.refresh()
    wait(page, "#recommended .card")
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_docs_list_every_path(browser, where):
    browser.get(where + "/docs")
    text = one(browser, "main").text
    for path in ("/v1/recommend/{user}", "/v1/search", "/v1/media/{item}/{column}", "/health"):
        assert path in text
    assert browser.get_log("browser") == []


def test_the_report_shows_pictures(browser, shop, tmp_path):
    cut = split(shop)
    models = {
        "popularity": lambda seed: Popularity(),
        "item-knn": lambda seed: ItemKNN(),
        "content-knn": lambda seed: ContentKNN(),
    }
    found = compare(cut, models, k=10)
    path = write_report(tmp_path / "report.html", shop, cut, found, ContentKNN().fit(cut.train))
    browser.get(path.as_uri())
    browser.execute_script("for (const image of document.images) image.loading = 'eager'")
    until(browser, lambda driver: driver.execute_script(BROKEN) == 0)
    assert browser.execute_script(SHOWN) >= 10
    assert "item-knn" in one(browser, "body").text
    assert browser.get_log("browser") == []


def test_an_item_that_was_just_posted_is_shown_and_says_that_it_is_new(browser, where, shop):
    liked = shop.history[[17]].indices[:4].tolist()
    titles = [shop.catalogue.table["title"][code] for code in liked]
    photo = (shop.catalogue.root / shop.catalogue.table["photo"][liked[0]]).read_bytes()
    for number, title in enumerate(titles):
        form = {"data": {"data": '{"title": "%s"}' % title}, "files": {"photo": ("a.png", photo)}}  # noqa: UP031
        assert httpx.put(f"{where}/v1/items/just-{number}?wait=20", **form, timeout=60).json()["live"]
    browser.get("about:blank")
    browser.get(f"{where}/#user=user 17")
    (card, *_) = wait(browser, "#recommended .card", "new: by what it is, most like")
    assert card.text.index("new: by what it is") < card.text.index("because you liked")
    picture = card.find_element("css selector", "img")
    until(browser, lambda driver: driver.execute_script("return arguments[0].naturalWidth", picture) > 0)
    assert "/v1/media/just-" in picture.get_attribute("src")
    for number in range(len(titles)):
        assert httpx.delete(f"{where}/v1/items/just-{number}?wait=20", timeout=60).json()["live"]
