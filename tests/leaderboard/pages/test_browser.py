"""The HTML page as a reader has it: opened in headless Chromium from a file, clicked, and watched."""

import http.server
import json
import shutil
import threading
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness.cli import main
from leaderboard import record_files
from leaderboard.boards import build_boards
from leaderboard.pages.pictures import draw_picture
from leaderboard.record_files import collect
from tests.records import write_result

pytestmark = pytest.mark.slow

SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\"><b onclick=hacked()>&amp;|"
SCORES = {"nine": 0.09, "ten": 0.1, "all": 1.0, "Half": 0.5, SCRIPT: 0.2}
"""9 is less than 10 as a number and more as a text."""
ABOUT = {
    "ten": {"recipe": "quick", "input_size": (32, 32)},
    "Half": {"needs": ("colour",), "train_on": "veri776", "recipe": "quick"},
    "all": {"aliases": ("same",)},
}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": True}
FLAGS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to start for root with one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # a container's shared memory is small
    "--window-size=1200,900",
)


def program(name: str) -> str:
    """Return the path of an installed program, so that Selenium looks for none and downloads none."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(
            f"{name} is missing: apt-get install -y --no-install-recommends chromium chromium-driver", pytrace=False
        )
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = ChromeOptions()
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = Chrome(options=options, service=Service(program("chromedriver")))
    driver.set_page_load_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of five methods, one with a hostile name, beside all published numbers."""
    folder = tmp_path_factory.mktemp("page")
    for number, (name, score) in enumerate(SCORES.items()):
        write_result(folder / "records" / str(number), name, [score] * 6, **ABOUT.get(name, {}))
    write_result(folder / "records" / "control", "chance", [0.95] * 6, control=True)
    out = folder / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_files, "SHIPPED", folder / "nothing is shipped")
        words = ["leaderboard", "--records", str(folder / "records"), "--format", "html", "--out", str(out)]
        done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def opened(browser, page):
    """The page, opened anew on a wide screen, with empty logs."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(page.as_uri())
    return browser


def requests_of(browser):
    """Return the addresses that the page has asked for since the last look."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = ("Network.requestWillBeSent", "Network.webSocketCreated")
    urls = [m["params"].get("url") or m["params"]["request"]["url"] for m in messages if m["method"] in sent]
    return [url for url in urls if url != "about:blank"]


def rows_of(table):
    """Return the texts of a table's cells, row by row, in one question to the browser."""
    return table.parent.execute_script(
        "return [...arguments[0].tBodies[0].rows]"
        ".map(row => [...row.cells].map(cell => cell.dataset.value ?? cell.innerText.trim()))",
        table,
    )


def measured(browser):
    return browser.find_element(By.CSS_SELECTOR, "#synthetic-image-to-image ~ .wide table")


def buttons(table):
    return table.find_elements(By.CSS_SELECTOR, "thead button")


def names(browser):
    return [row[0] for row in rows_of(measured(browser))]


def click(browser, button):
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", button)
    button.click()


def heading(browser, text):
    return next(button for button in buttons(measured(browser)) if button.text == text)


def test_a_click_on_a_heading_sorts_by_number_and_another_turns_it(opened):
    control = ["(chance)"]
    falling = ["all", "Half", SCRIPT, "ten", "nine"]
    click(opened, heading(opened, "method"))
    by_name = names(opened)
    click(opened, heading(opened, "mAP"))
    by_number = names(opened)
    head = heading(opened, "mAP").find_element(By.XPATH, "..")
    assert head.get_attribute("aria-sort") == "descending"
    click(opened, heading(opened, "mAP"))
    turned = names(opened)

    assert [name for name in by_name if name != SCRIPT] == ["all", "Half", "nine", "ten", *control]
    assert by_name != by_number
    assert by_number == falling + control
    assert turned == falling[::-1] + control
    assert head.get_attribute("aria-sort") == "ascending"
    assert len(opened.find_elements(By.CSS_SELECTOR, "[aria-sort]")) == 1


def test_a_heading_sorts_by_the_keyboard(opened):
    heading(opened, "mAP").send_keys(Keys.ENTER)
    heading(opened, "mAP").send_keys(Keys.SPACE)

    assert names(opened)[0] == "nine"


def test_every_numeric_column_of_every_published_table_sorts_both_ways_with_the_empty_cells_last(opened):
    columns = 0
    for table in opened.find_elements(By.CSS_SELECTOR, "table:not(:has(tr[data-kind=measured]))"):
        for column, button in enumerate(buttons(table)):
            before = rows_of(table)
            cells = [row[column] for row in before]
            if not all(cell.replace(".", "", 1).isdecimal() for cell in cells if cell):
                continue
            numbers, empty = sorted(float(cell) for cell in cells if cell), cells.count("")
            best = button.find_element(By.XPATH, "..").get_attribute("data-best")
            for wanted in (numbers, numbers[::-1]) if best == "low" else (numbers[::-1], numbers):
                click(opened, button)
                after = rows_of(table)
                shown = [row[column] for row in after]
                assert [float(cell) for cell in shown[: len(numbers)]] == wanted
                assert shown[len(numbers) :] == [""] * empty
                assert sorted(after) == sorted(before)
            columns += len(set(numbers)) > 1

    assert columns > 10


def test_the_page_asks_no_host_for_anything_and_logs_no_error(opened, page):
    for button in buttons(measured(opened)):
        click(opened, button)
    for link in opened.find_elements(By.CSS_SELECTOR, "nav a"):
        click(opened, link)
    opened.execute_script("window.scrollTo(0, document.body.scrollHeight)")

    asked = {urlsplit(url)._replace(fragment="").geturl() for url in requests_of(opened)}
    assert asked == {page.as_uri()}
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert opened.get_log("browser") == []


def test_a_request_to_a_host_would_be_seen_and_an_error_too(opened, tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)  # answers 501 to a GET
    threading.Thread(target=server.serve_forever, daemon=True).start()
    other = tmp_path / "other.html"
    picture = f"http://127.0.0.1:{server.server_port}/x.png"
    other.write_text(f"<!doctype html><img src='{picture}'><script>throw new Error('broken')</script>")
    try:
        opened.get(other.as_uri())
    finally:
        server.shutdown()
        server.server_close()

    assert picture in requests_of(opened)
    assert any("broken" in entry["message"] for entry in opened.get_log("browser"))


def test_the_page_is_readable_on_a_phone(opened):
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    opened.refresh()

    assert opened.execute_script("return [innerWidth, visualViewport.scale]") == [390, 1]
    assert (
        opened.execute_script("return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)") <= 390
    )
    # Whatever is wider than the screen scrolls in a box of its own, which is not.
    boxes = opened.execute_script(
        "return [...document.querySelectorAll('.wide')].map(b => {const r = b.getBoundingClientRect(); "
        "return [r.left, r.right, b.scrollWidth > b.clientWidth]})"
    )
    assert all(left >= 0 and right <= 390 for left, right, _ in boxes)
    assert any(wider for *_, wider in boxes)
    # A long name takes several lines, so that the numbers beside it stay near.
    assert max(cell.size["width"] for cell in measured(opened).find_elements(By.CSS_SELECTOR, "tbody th")) < 180
    left, right = opened.execute_script(
        "const [name, main] = arguments[0].tBodies[0].rows[0].cells;"
        "arguments[0].parentElement.scrollLeft = 9999;"
        "return [name.getBoundingClientRect().left, main.getBoundingClientRect().right]",
        measured(opened),
    )
    assert left == 0  # the name stays when the rest is scrolled
    opened.execute_script("arguments[0].parentElement.scrollLeft = 0", measured(opened))
    assert right < 390
    smallest = opened.execute_script(
        "return Math.min(...[...document.querySelectorAll('p, a, th, td, td span')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12
    click(opened, heading(opened, "mAP"))
    click(opened, heading(opened, "mAP"))
    assert names(opened)[0] == "nine"


def test_a_hostile_name_is_a_text_and_runs_nothing(opened):
    cell = next(name for name in measured(opened).find_elements(By.CSS_SELECTOR, ".name") if "hacked" in name.text)
    click(opened, cell)

    assert cell.text == SCRIPT
    assert cell.find_elements(By.CSS_SELECTOR, "*") == []
    assert len(opened.find_elements(By.CSS_SELECTOR, "script")) == 1
    assert opened.find_elements(By.CSS_SELECTOR, "img, [onerror], [onclick]") == []
    assert opened.execute_script("return typeof window.hacked") == "undefined"
    assert Path(urlsplit(opened.current_url).path).name == "page.html"


def choose(browser, name, value):
    browser.execute_script(
        "const one = document.querySelector(`[data-filter=${arguments[0]}]`);"
        "one.value = arguments[1]; one.dispatchEvent(new Event('input', {bubbles: true}));"
        "if (one.value !== arguments[1]) throw new Error('no such choice')",
        name,
        value,
    )


def visible(browser):
    return [row.text.split()[0] for row in measured(browser).find_elements(By.CSS_SELECTOR, "tbody tr") if row.text]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"name": "TE"}, ["ten"]),
        ({"input": "32x32"}, ["ten"]),
        ({"labels": "colour"}, ["Half"]),
        ({"trained": "veri776"}, ["Half"]),
        ({"zero": "yes"}, ["Half"]),
        ({"recipe": "quick"}, ["Half", "ten"]),
        ({"recipe": "quick", "input": "64x64"}, ["Half"]),
        ({"kind": "published"}, []),
    ],
)
def test_filters_hide_rows_and_say_how_many_are_left(opened, filters, left):
    for name, value in filters.items():
        choose(opened, name, value)
    said = measured(opened).find_element(By.XPATH, "../following-sibling::p[1]").text
    shown = visible(opened)
    click(opened, opened.find_element(By.ID, "reset"))

    assert shown == left
    assert said == (f"{len(left)} of 6 rows shown" if left else "")  # a task without a row is hidden
    assert len(visible(opened)) == 6


def test_a_note_opens_by_the_keyboard_and_by_a_click(opened):
    note = measured(opened).find_element(By.CSS_SELECTOR, "details.note")
    summary, text = note.find_element(By.CSS_SELECTOR, "summary"), note.find_element(By.CSS_SELECTOR, "p")

    assert not text.is_displayed()
    summary.send_keys(Keys.ENTER)
    assert text.text == "Other names, with the same options: all/same."
    click(opened, summary)
    assert not text.is_displayed()


def test_a_link_of_a_task_leads_to_its_heading_below_the_filters(opened):
    click(opened, opened.find_element(By.CSS_SELECTOR, "nav a[href='#veri776-image-to-track']"))

    top, bar = opened.execute_script(
        "return [document.getElementById('veri776-image-to-track').getBoundingClientRect().top,"
        "document.querySelector('.filters').getBoundingClientRect().bottom]"
    )
    assert bar <= top < 300


def test_a_dark_theme_has_light_text_on_a_dark_ground(opened):
    lightness = {}
    for theme in ("light", "dark"):
        feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
        colours = opened.execute_script(
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        )
        lightness[theme] = [sum(map(int, colour[4:-1].split(","))) / 765 for colour in colours]
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    (ink, ground), (light_ink, dark_ground) = lightness["light"], lightness["dark"]
    assert (ink < 0.3, ground > 0.9, light_ink > 0.8, dark_ground < 0.2) == (True,) * 4


def test_no_column_is_lost_on_paper(opened):
    """A4 landscape has 1032 pixels between its margins."""
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1032, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    )
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    widths = opened.execute_script(
        "return [...document.querySelectorAll('.wide')].map(b => [b.getBoundingClientRect().left, b.scrollWidth])"
    )
    hidden = opened.execute_script(
        "return [...document.querySelectorAll('table th, table td')]"
        ".filter(c => getComputedStyle(c).display === 'none').length"
    )
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

    assert max(left + width for left, width in widths) <= 1033
    assert hidden == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("methods", [5, 30, 200])
def test_no_text_of_a_picture_overlaps_another_or_leaves_the_picture(browser, tmp_path, methods, theme):
    for number in range(methods):
        name = f"{'Wide-NAMES-mw' * (number % 5)}method-{number}"
        write_result(tmp_path / str(number), name, np.full(6, 0.3 + number / methods / 9))
    [board] = build_boards(collect([], [tmp_path]))
    feature = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    for name in ("intervals", "cmc"):
        (tmp_path / "picture.svg").write_bytes(draw_picture(board, name))
        browser.get((tmp_path / "picture.svg").as_uri())
        boxes = browser.execute_script(
            "return [...document.querySelectorAll('text')].map(t => {const b = t.getBBox();"
            "return [b.x, b.y + 2, b.x + b.width, b.y + b.height - 2, t.textContent]})"
        )
        width, height = browser.execute_script(
            "const v = document.documentElement.viewBox.baseVal; return [v.width, v.height]"
        )
        colour = browser.execute_script("return getComputedStyle(document.querySelector('.strong')).fill")

        assert len(boxes) > 5 + min(methods, 5)
        assert all(min(x, y) >= 0 and right <= width and bottom <= height for x, y, right, bottom, _ in boxes)
        for one, other in combinations(sorted(boxes, key=lambda box: box[1]), 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)
        assert (colour == "rgb(28, 33, 39)") == (theme == "light")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
