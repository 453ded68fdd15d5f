"""The report as a reader has it: opened in headless Chromium from a file, filtered, sorted and read by keyboard."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.leaderboard.pages.test_browser import PHONE, requests_of
from tests.leaderboard.report.places import bench_report, content_of, features_of, make_place, write_run

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
VERI776 = 1678
"""Queries of VeRi-776."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two runs side by side, one with a hostile name, with a broken and a missing image; and a report of one alone."""
    folder = make_place(tmp_path_factory.mktemp("browser") / "place")
    keys, _ = features_of(folder, 0)
    (folder / "data" / keys[0]).write_bytes(b"no image")
    (folder / "data" / keys[1]).unlink()
    write_run(folder, "other", seed=5, method=HOSTILE)
    for out, words in (("out", ()), ("two", ("--against", folder / "other"))):
        assert bench_report(folder, "run", "--task", "listed/images", *words, out=out).exit_code == 0
    return folder


def opened(browser, place, out="out", **device):
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    if device:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get((place / out / "index.html").as_uri())
    return browser


def keys_shown(browser):
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, ".query h3")]


def choose(browser, name, text):
    Select(browser.find_element(By.ID, name)).select_by_visible_text(text)


def count(browser):
    return browser.find_element(By.ID, "count").text


def test_the_lists_begin_with_the_worst_and_follow_the_chosen_order(browser, place):
    content = content_of(place)
    opened(browser, place)

    for text, order in (("worst first", "worst"), ("best first", "best"), ("random", "random"), ("as listed", "list")):
        choose(browser, "order", text)
        expected = [content["queries"][number][0] for number in content["orders"][order]]
        shown = keys_shown(browser)
        assert len(shown) >= 3
        assert shown == expected[: len(shown)]


def test_marks_are_signs_and_ranks_are_those_of_the_record(browser, place):
    content = content_of(place)
    opened(browser, place)
    number = content["orders"]["worst"][0]
    _, _, letters, _, ranks, *_ = content["lists"][0][number]
    tiles = browser.find_elements(By.CSS_SELECTOR, ".query:first-child .tile")
    signs = [tile.find_element(By.CSS_SELECTOR, ".sign").text for tile in tiles]
    line = browser.find_element(By.CSS_SELECTOR, ".query:first-child .ranks").text

    assert len(tiles) == 20
    assert [{"✓": "r", "✕": "w", "≈": "w"}.get(sign, "i") for sign in signs] == list(letters)
    assert line.startswith(f"Ranks of the {len(ranks)} right answers")
    assert all(str(rank) in line for rank in ranks)


def test_filters_by_label_near_duplicate_and_text_keep_only_what_they_name(browser, place):
    content = content_of(place)
    queries, answers = content["queries"], content["lists"][0]
    opened(browser, place)

    assert count(browser) == "24 of 24 queries"
    choose(browser, "filter-camera", "1")
    assert count(browser) == f"{sum(query[3] == 1 for query in queries)} of 24 queries"
    choose(browser, "filter-colour", "blue <b>")
    assert count(browser) == f"{sum(query[3:5] == [1, 1] for query in queries)} of 24 queries"
    choose(browser, "filter-camera", "all")
    choose(browser, "filter-colour", "unknown")
    assert count(browser) == "3 of 24 queries"
    choose(browser, "filter-colour", "all")
    choose(browser, "filter-duplicates", "ahead of the right ones")
    assert count(browser) == f"{sum(answer[5] > 0 for answer in answers)} of 24 queries"
    choose(browser, "filter-duplicates", "all")
    browser.find_element(By.ID, "find").send_keys("7_c0")
    assert count(browser) == "1 of 24 queries"
    assert not browser.find_elements(By.ID, "filter-type")  # the data set has no types


def test_the_keyboard_moves_between_queries_and_opens_their_values(browser, place):
    opened(browser, place)
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("j")
    browser.switch_to.active_element.send_keys("j")
    browser.switch_to.active_element.send_keys("j")
    browser.switch_to.active_element.send_keys("k")
    focused = browser.switch_to.active_element
    assert focused.find_element(By.TAG_NAME, "h3").text == keys_shown(browser)[1]

    focused.send_keys(Keys.ENTER)
    rows = focused.find_elements(By.CSS_SELECTOR, "details tbody tr")
    assert len(rows) == 20
    assert all(row.text.endswith(".jpg") for row in rows)
    heads = [head.text for head in focused.find_elements(By.CSS_SELECTOR, "details thead th")]
    assert heads == ["rank", "mark", "similarity", "vehicle", "camera", "colour", "key"]
    focused.send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "find"
    browser.switch_to.active_element.send_keys("jk/")
    assert browser.find_element(By.ID, "find").get_attribute("value") == "jk/"


def test_a_broken_and_a_missing_image_are_named_in_their_places(browser, place):
    content = content_of(place)
    opened(browser, place)
    choose(browser, "order", "as listed")
    first, second = browser.find_elements(By.CSS_SELECTOR, ".asked .picture")[:2]

    assert first.text.split() == ["cannot", "be", "decoded", content["queries"][0][0].split("/")[1]]
    assert second.text.split() == ["no", "file", content["queries"][1][0].split("/")[1]]


def test_pictures_are_seen(browser, place):
    opened(browser, place)
    browser.execute_async_script("""
        const done = arguments[0];
        const shown = [...document.querySelectorAll(".query:first-child img")];
        Promise.all(shown.map(one => one.decode())).then(done, done);
    """)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.query:first-child img')].map(one => one.naturalWidth)"
    )
    assert len(sizes) >= 20
    assert min(sizes) >= 20


def test_two_runs_stand_side_by_side_and_a_hostile_name_is_a_text(browser, place):
    content = content_of(place, "two")
    opened(browser, place, "two")
    first = content["queries"][content["orders"]["changed"][0]][0]

    assert keys_shown(browser)[0] == first
    assert len(browser.find_elements(By.CSS_SELECTOR, ".query:first-child .answers")) == 2
    assert "against A" in browser.find_element(By.CSS_SELECTOR, ".query:first-child .answers:last-child .score").text
    assert HOSTILE in browser.find_element(By.TAG_NAME, "h1").text
    assert browser.execute_script("return typeof window.hacked") == "undefined"


@pytest.mark.parametrize("out", ["out", "two"])
def test_the_page_asks_only_for_its_own_files_and_logs_no_error(browser, place, out):
    opened(browser, place, out)
    browser.execute_script("document.getElementById('slices').scrollIntoView()")
    asked = requests_of(browser)

    assert (place / out / "index.html").as_uri() in asked
    assert all(url.startswith((place / out).as_uri()) for url in asked)
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("out", ["out", "two"])
def test_the_report_is_readable_on_a_phone(browser, place, out):
    opened(browser, place, out, **PHONE)
    wide, smallest = browser.execute_script("""
        const texts = [...document.querySelectorAll('p, dd, dt, td, th, h3, label, summary, .picture.none')];
        return [document.documentElement.scrollWidth,
                Math.min(...texts.map(one => parseFloat(getComputedStyle(one).fontSize)))];
    """)
    assert wide <= 390
    assert smallest >= 12


def test_as_many_queries_as_veri_776_open_in_two_seconds(browser, tmp_path_factory):
    folder = make_place(tmp_path_factory.mktemp("large") / "place", queries=VERI776, gallery=600, pictures=False)
    assert bench_report(folder, "run", "--task", "listed/images").exit_code == 0
    opened(browser, folder)
    ready = browser.execute_script("const [one] = performance.getEntriesByType('navigation'); return one.loadEventEnd")

    assert count(browser) == f"{VERI776} of {VERI776} queries"
    first, listed = keys_shown(browser), [query[0] for query in content_of(folder)["queries"]]
    browser.execute_script("while (!document.getElementById('more').hidden) document.getElementById('more').click()")
    texts = browser.execute_script("return [...document.querySelectorAll('.query h3')].map(one => one.textContent)")
    assert len(first) < 100
    assert texts[: len(first)] == first
    assert sorted(texts) == sorted(listed)
    assert 0 < ready < 2000
    assert len(json.dumps(content_of(folder)["lists"])) < 4_000_000
