"""The page, in a real browser: drawn on, looked at, in both languages, by keys alone."""

from __future__ import annotations

import base64
import csv
import io
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from mnistry.cli.review import Review
from mnistry.data.dataset import DataSets
from mnistry.errors import DataError
from mnistry.models.file import save_model
from mnistry.models.softmax import SoftmaxRegression
from mnistry.pictures.decode import decode
from mnistry.pictures.frame import frame_many
from mnistry.reader import Reader
from mnistry.serving.guard import Limits, _too_large

pytestmark = pytest.mark.slow

# Without the last ones Chromium calls home, which is neither ours to allow nor always possible.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

# Milliseconds after which an expectation has failed: far more than a busy machine needs.
expect.set_options(timeout=120_000)

Stroke = list[tuple[float, float]]
# As someone would write them, from 0 to 1 across the field and down.
DIGITS: dict[str, list[Stroke]] = {
    "0": [[(0.5, 0.2), (0.38, 0.28), (0.33, 0.5), (0.38, 0.72), (0.5, 0.8), (0.62, 0.72),
           (0.67, 0.5), (0.62, 0.28), (0.5, 0.2)]],
    "1": [[(0.52, 0.2), (0.48, 0.8)]],
    "2": [[(0.35, 0.32), (0.42, 0.22), (0.55, 0.22), (0.63, 0.32), (0.58, 0.48), (0.45, 0.63),
           (0.34, 0.78), (0.5, 0.76), (0.68, 0.78)]],
    "3": [[(0.36, 0.25), (0.5, 0.2), (0.62, 0.28), (0.6, 0.42), (0.47, 0.49), (0.62, 0.56),
           (0.65, 0.7), (0.52, 0.8), (0.35, 0.75)]],
    "4": [[(0.42, 0.2), (0.33, 0.55), (0.66, 0.55)], [(0.58, 0.3), (0.56, 0.82)]],
    "5": [[(0.62, 0.22), (0.4, 0.22), (0.38, 0.46), (0.55, 0.45), (0.64, 0.57), (0.6, 0.74),
           (0.45, 0.8), (0.34, 0.74)]],
    "6": [[(0.58, 0.2), (0.44, 0.35), (0.37, 0.55), (0.38, 0.72), (0.5, 0.8), (0.61, 0.72),
           (0.6, 0.58), (0.48, 0.53), (0.38, 0.62)]],
    "7": [[(0.33, 0.25), (0.65, 0.23), (0.55, 0.48), (0.46, 0.8)]],
    "8": [[(0.5, 0.48), (0.39, 0.38), (0.42, 0.24), (0.54, 0.2), (0.62, 0.3), (0.55, 0.44),
           (0.42, 0.55), (0.36, 0.68), (0.45, 0.8), (0.58, 0.77), (0.62, 0.64), (0.5, 0.48)]],
    "9": [[(0.62, 0.3), (0.5, 0.2), (0.39, 0.28), (0.4, 0.43), (0.52, 0.47), (0.61, 0.37),
           (0.62, 0.3), (0.6, 0.55), (0.54, 0.8)]],
}  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, Debian's or Playwright's own."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        path = found or playwright.chromium.executable_path
        if not Path(path).exists():
            assert not os.environ.get("MNISTRY_REQUIRE_BROWSER"), "no Chromium is installed"
            pytest.skip("no Chromium is installed")
        made = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield made
        made.close()


Opened = Any


@pytest.fixture
def opened(browser: Browser, url: str) -> Iterator[Opened]:
    """What opens the page in a way; no error may reach the console, nothing another host."""
    faults: list[str] = []
    contexts = []

    def open_(path: str = "/", **how: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 860}, **how})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((url, "data:", "blob:")) else faults.append(r.url),
        )
        page.goto(f"{url}{path}")
        return page

    open_.faults = faults  # type: ignore[attr-defined]  # a test removes those that it expects
    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def draw(page: Page, strokes: list[Stroke]) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
            if i == 0:
                page.mouse.down()
        page.mouse.up()


def photo(path: Path, text: str) -> Path:
    paper = np.full((120, 260), 235, np.uint8)
    cv2.putText(paper, text, (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 40, 6)
    cv2.imwrite(str(path), paper)
    return path


def test_each_digit_is_read_as_it_is_drawn(opened: Opened) -> None:
    """Ten digits, one after the other: the answer, the bars, and never more than one to be."""
    page = opened()
    for digit, strokes in DIGITS.items():
        draw(page, strokes)
        expect(page.locator("#outcome")).to_contain_text(digit)
        page.wait_for_function(
            "d => +document.querySelector(`#bars [data-digit='${d}']`).dataset.probability > 0.5",
            arg=digit,
        )
        shares = page.evaluate(
            "[...document.querySelectorAll('#bars [data-digit]')]"
            ".map(bar => +bar.dataset.probability)"
        )
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert int(digit) == max(range(10), key=shares.__getitem__)
        page.click("#clear")
        expect(page.locator("#outcome")).not_to_contain_text(digit)


def test_undo_and_both_models(opened: Opened) -> None:
    """A stroke taken back is gone; the other model answers too."""
    page = opened()
    draw(page, [*DIGITS["7"], [(0.3, 0.9), (0.7, 0.9)]])
    page.click("#undo")
    expect(page.locator("#outcome")).to_contain_text("7")
    page.select_option("#model", "softmax")
    expect(page.locator("#others")).to_contain_text("convnet")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bars [data-digit]')]"
        ".some(bar => +bar.dataset.probability > 0.2)"
    )


def test_two_bars_ask_why(opened: Opened) -> None:
    """Touching 9 and 4 tells why the one and not the other."""
    page = opened()
    draw(page, DIGITS["9"])
    expect(page.locator("#outcome")).to_contain_text("9")
    page.locator('#bars [data-digit="9"]').click()
    page.locator('#bars [data-digit="4"]').click()
    expect(page.locator("#why")).to_contain_text("4")
    expect(page.locator("#why")).to_contain_text("9")


def test_strange_pictures_are_not_overstated(opened: Opened) -> None:
    """Where a model is less sure than its evidence says, the page doesn't call it the odds."""
    page = opened()
    draw(page, DIGITS["9"])
    expect(page.locator("#account")).to_contain_text("e to the")
    page.click("#clear")
    draw(
        page,
        [[(x, 0.1), (x, 0.9)] for x in (0.3, 0.7)] + [[(0.1, y), (0.9, y)] for y in (0.3, 0.7)],
    )
    expect(page.locator("#account")).to_contain_text("because the image looks unusual")


def test_a_photo_is_read(opened: Opened, tmp_path: Path) -> None:
    """Two digits in a file: their text, and a box for each."""
    page = opened()
    page.set_input_files("#file", photo(tmp_path / "photo.png", "17"))
    expect(page.locator("#text")).to_contain_text("17")


def test_what_comes_too_late_is_not_shown(browser: Browser, url: str, tmp_path: Path) -> None:
    """A reading, once another photo is open or none any more; an example, once a stroke began."""
    page = browser.new_page()
    page.goto(url)
    held: list[Route] = []
    for path in ("**/read?*", "**/data/test/images?*"):
        page.route(path, lambda route: held.append(route))

    def wait(n: int) -> Route:
        wait_for(lambda: len(held) == n, page=page)
        return held[-1]

    first, second = photo(tmp_path / "17.png", "17"), photo(tmp_path / "24.png", "24")
    field, text, seen = page.locator("#file"), page.locator("#text"), page.locator("#seen")
    field.set_input_files(first)
    slow = wait(1)
    field.set_input_files(second)
    wait(2).continue_()
    expect(text).to_have_text("24")
    with page.expect_response("**/read?*"):
        slow.continue_()
    page.wait_for_timeout(200)
    expect(text).to_have_text("24")
    for n, status in ((3, 200), (4, 422)):
        field.set_input_files(first)
        slow = wait(n)
        page.click("#photo-close")
        with page.expect_response("**/read?*"):
            if status == 200:
                slow.continue_()
            else:
                slow.fulfill(status=status, json={"error": "too late"})
        page.wait_for_timeout(200)
        expect(page.locator("#reading")).to_be_hidden()
        expect(page.locator("#outcome")).to_have_attribute("data-outcome", "blank")
    page.click("#sample")
    slow = wait(5)
    draw(page, DIGITS["1"])
    expect(page.locator("#outcome")).to_contain_text("1")
    own = seen.screenshot()
    with page.expect_response("**/data/test/images?*"):
        slow.continue_()
    page.wait_for_timeout(200)
    assert seen.screenshot() == own
    page.close()


def test_too_large_a_file_is_not_sent(opened: Opened, tmp_path: Path) -> None:
    """What the server would say of it is said at once."""
    page = opened(locale="en-GB")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(Limits().body + 1)
    page.set_input_files("#file", tmp_path / "large.png")
    expect(page.locator("#reading")).to_have_text(_too_large(Limits().body).sentence)
    assert not [address for address in sent if "/read" in address]


def test_a_key_is_asked_for_until_it_fits(browser: Browser, serve: Any, tmp_path: Path) -> None:
    """On both pages; what no key can be is told to be none, also where it was kept before."""
    faults: list[str] = []
    with serve(tmp_path, key="a key that is long enough") as (url, _):

        def give(key: str) -> None:
            page.fill("#key", key)
            page.click("#banner button")

        for path, found in (("/", "#model option"), ("/docs", "#operations details")):
            page = browser.new_page(locale="en-GB")
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(url + path)
            expect(page.locator("#banner")).to_contain_text("This server asks for a key")
            for wrong in ("ключ, который не тот", "a key that is not the one"):
                give(wrong)
                expect(page.locator("#banner")).to_contain_text("This was not the key")
            page.evaluate("sessionStorage.setItem('key', 'ключ')")
            page.reload()
            expect(page.locator("#banner")).to_contain_text("This was not the key")
            give("a key that is long enough")
            expect(page.locator(found)).not_to_have_count(0)
            expect(page.locator("#banner")).to_be_hidden()
            page.close()
    assert faults == []


def test_training_is_watched(opened: Opened) -> None:
    """Started, it counts batches and gets better than chance."""
    page = opened("/#learn")
    page.click("#start-training")
    page.wait_for_function(
        "() => /[1-9]/.test(document.querySelector('#training-numbers').textContent)"
        " && /[5-9]\\d(\\.\\d+)?%/.test(document.querySelector('#training-numbers').textContent)"
    )


def test_mistakes_are_shown(opened: Opened) -> None:
    """The confusion matrix has its hundred cells, and the accuracy is told."""
    page = opened("/#look")
    expect(page.locator("#accuracy")).to_contain_text("%")
    expect(page.locator("#confusion")).to_be_visible()


def test_a_wrong_answer_is_corrected(opened: Opened) -> None:
    """What is told on the page is in the list of corrections."""
    page = opened()
    draw(page, DIGITS["1"])
    expect(page.locator("#outcome")).to_contain_text("1")
    page.click("#wrong")
    page.locator("#right button").nth(7).click()
    expect(page.locator("#thanks")).not_to_be_empty()
    page.click("#tab-teach")
    expect(page.locator("#corrections")).to_contain_text("7")


def test_a_correction_of_no_model_names_none(opened: Opened, url: str) -> None:
    """Programs may tell what was answered, and not by whom."""
    told = {"image": [0] * 784, "label": 4, "answer": 5}
    number = httpx.post(f"{url}/corrections", json=told).json()["id"]
    page = opened("/#teach", locale="en-GB")
    item = page.locator(f"#corrections [data-id='{number}'] .note")
    expect(item).to_contain_text("your correction")


def test_both_languages(opened: Opened) -> None:
    """It speaks the browser's language, and the other at a touch."""
    page = opened(locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    expect(page.locator("#tab-draw")).to_have_text("写")
    page.click("#language")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.locator("#tab-draw")).to_have_text("Draw")


def test_keys_alone_are_enough(opened: Opened) -> None:
    """Arrows and the space bar draw a line that is read as a one."""
    page = opened()
    page.locator("#canvas").focus()
    page.keyboard.press("Space")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#outcome")).to_contain_text("1")
    page.locator("#tab-draw").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#learn-view")).to_be_visible()


@pytest.mark.parametrize("view", ["draw", "learn", "look", "teach"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_it(opened: Opened, view: str, scheme: str) -> None:
    """axe finds nothing serious, in light and dark, and on a phone nothing runs off the side."""
    page = opened(f"/#{view}", color_scheme=scheme, viewport={"width": 390, "height": 844})
    page.wait_for_timeout(1500)
    page.wait_for_function("() => !document.querySelector('.waiting, #look-said:not(:empty)')")
    found = [
        (one["id"], one["impact"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_in_forced_colours_only_possible_digits_are_circled(opened: Opened) -> None:
    """And the tab that is open keeps its mark: borders that were transparent are not seen."""
    page = opened(forced_colors="active")
    draw(page, DIGITS["7"])
    expect(page.locator("#bars .in-set")).to_have_count(1)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    border = "element => getComputedStyle(element).borderTopColor"
    for bar in page.locator("#bars .bar").all():
        circled = bar.locator(".digit").evaluate(border) != paper
        assert circled == ("in-set" in (bar.get_attribute("class") or "").split())
    mark = """element => {
      const style = getComputedStyle(element, "::after");
      return style.content === "none" ? null : style.backgroundColor;
    }"""
    marks = [tab.evaluate(mark) for tab in page.locator("[role=tab]").all()]
    assert marks[0] not in (None, paper)
    assert marks[1:] == [None] * 3
    before = page.locator("#eraser").evaluate("e => getComputedStyle(e).backgroundColor")
    page.click("#eraser")
    # The colour changes by a transition, so it is awaited.
    expect(page.locator("#eraser")).not_to_have_css("background-color", before)


def test_a_part_that_cannot_be_loaded_says_so(browser: Browser, url: str) -> None:
    """A view whose script fails to load shows an error; once it loads, the view opens."""
    page = browser.new_page(locale="en-GB")
    page.goto(url)
    page.route("**/learn.js", lambda route: route.abort())
    page.click("#tab-learn")
    expect(page.locator("#learn-view [role=alert]")).to_contain_text("Load the page again")
    page.close()


def test_the_document_page_lists_every_address(opened: Opened) -> None:
    """/docs shows what /openapi.json tells."""
    page = opened("/docs")
    expect(page.locator("#operations details")).not_to_have_count(0)
    expect(page.locator("#operations")).to_contain_text("/v2/models/{model}/infer")


def test_pictures_of_the_page(opened: Opened, tmp_path: Path) -> None:
    """A screenshot, and digits being drawn, as an animation; README's, where a folder is set."""
    folder = Path(os.environ.get("MNISTRY_FIGURES", tmp_path))
    page = opened(viewport={"width": 1080, "height": 860}, color_scheme="light")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    frames = []

    def look() -> None:
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            frames.append(shot.convert("RGB").resize((720, 573), Image.Resampling.LANCZOS))

    for digit in "94":
        for stroke in DIGITS[digit]:
            for i, (x, y) in enumerate(stroke):
                page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
                if i == 0:
                    page.mouse.down()
                page.wait_for_timeout(60)
                look()
            page.mouse.up()
        expect(page.locator("#why")).not_to_be_empty()
        page.wait_for_timeout(500)
        look()
        frames += frames[-1:] * 6
        if digit == "9":
            page.screenshot(path=folder / "page.png")
            page.click("#clear")
    frames[0].save(
        folder / "page.webp", save_all=True, append_images=frames[1:], duration=160, loop=0,
        quality=70, method=4,
    )  # fmt: skip
    with Image.open(folder / "page.png") as still, Image.open(folder / "page.webp") as moving:
        assert still.size == (1080, 860)
        assert getattr(moving, "n_frames", 1) > 12


def test_the_browser_frames_bit_for_bit(opened: Opened, inks: list[NDArray[np.float64]]) -> None:
    """Of hundreds of pictures, every byte of every 28×28 is the same in Chromium as in Python."""
    page = opened()
    found = []
    for ink in (ink for ink in inks if ink.size < 30_000):  # each goes to the browser as text
        found += page.evaluate(
            """async ([base64, h, w]) => {
              const { frame } = await import("/page/frame.js");
              const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
              return [...frame(new Float64Array(bytes.buffer), h, w)];
            }""",
            [base64.b64encode(ink.tobytes()).decode(), *ink.shape],
        )
    images = np.array(found, np.uint8).reshape(-1, 28, 28)
    assert len(images) > 200
    np.testing.assert_array_equal(images, frame_many([i for i in inks if i.size < 30_000]))


def test_too_long_steps_are_called_what_they_are(opened: Opened) -> None:
    """At the end of the rate's slider the weights swing, though most answers are right.

    Begun again with a lower rate, it learns and nothing is said.
    """
    page = opened("/#learn", locale="en-GB")
    rate, said = page.locator("#training-rate"), page.locator("#training-said")
    page.locator("#training-speed").fill("0.7")
    rate.fill("1")
    page.locator("#start-training").click()
    expect(said).to_contain_text("swing from one side of the valley")
    expect(said).to_contain_text(re.compile(r"gets \d+% right"))
    expect(said).not_to_contain_text("diverge")
    rate.fill("0.5")
    page.locator("#start-training").click()
    expect(said).to_have_text("")
    expect(page.locator("#training-numbers")).to_contain_text(re.compile(r"[89]\d\.\d+%"))
    page.locator("#pause-training").click()


def test_who_waits_for_a_place_is_told_at_once(browser: Browser, url: str) -> None:
    """The page says at once that the server is busy, or how many runs are ahead."""
    page = browser.new_page(locale="en-GB")
    page.goto(f"{url}/#learn")
    said = page.locator("#training-said")
    answers = [
        {"status": 503, "json": {"error": "256 runs are watched already; try again in a minute."}},
        {"status": 200, "content_type": "text/event-stream", "body": "event: wait\n"
         'data: {"ahead": 1}\n\nevent: wait\ndata: {"ahead": 3}\n\n'},
    ]  # fmt: skip
    asked = []

    def answer(route: Route) -> None:
        asked.append(route)
        route.fulfill(**answers[min(len(asked), 2) - 1])  # type: ignore[arg-type]

    page.route("**/training", answer)
    page.click("#start-training")
    expect(said).to_have_text("Waiting for a place …")
    wait_for(lambda: len(asked) == 2, page=page)
    page.close()


def test_models_of_all_kinds_share_the_page(browser: Browser, serve: Any, tmp_path: Path) -> None:
    """One that was not calibrated answers with one class; one of letters takes no corrections."""
    folder = tmp_path / "models"
    folder.mkdir()
    model = SoftmaxRegression(steps=1)
    model.fit(np.zeros((2, 28, 28), np.uint8), [0, 1], classes=["A", "B"])
    save_model(model, folder / "letters.onnx")
    faults: list[str] = []
    with serve(tmp_path, "--models", str(folder)) as (url, _):
        page = browser.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        draw(page, DIGITS["7"])
        expect(page.locator("#outcome")).to_contain_text("7")
        expect(page.locator("#others")).to_contain_text("letters")
        expect(page.locator("#wrong")).to_be_visible()
        page.locator("#model").select_option("letters")
        expect(page.locator("#outcome .said")).to_have_text(re.compile("^[AB]$"))
        expect(page.locator("#wrong")).to_be_hidden()
        page.close()
    assert faults == []


def test_what_is_no_picture_is_said_and_nothing_old_stays(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    """The server's sentence; the answer to what was drawn before is gone."""
    page = browser.new_page()
    page.goto(url)
    draw(page, DIGITS["3"])
    expect(page.locator("#outcome")).to_contain_text("3")
    path = tmp_path / "a.txt"
    path.write_text("no picture")
    page.locator("#file").set_input_files(path)
    expect(page.locator("#reading")).to_contain_text("is not a picture")
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "blank")
    page.close()


@pytest.mark.parametrize(
    ("width", "height"), [(390, 844), (375, 667), (320, 568), (667, 375), (844, 390)]
)
def test_on_a_phone_field_and_bars_are_seen_at_once(
    opened: Opened, width: int, height: int
) -> None:
    """Who draws sees all ten bars move; on the smallest, after less than a bar's scrolling."""
    page = opened(viewport={"width": width, "height": height}, is_mobile=True, has_touch=True)
    scribble = [(0.1 + 0.8 * (i % 2), 0.1 + 0.04 * i) for i in range(20)]
    for strokes, outcome in ((DIGITS["7"], "digit"), ([scribble], "not a digit")):
        page.click("#clear", force=True)
        draw(page, strokes)
        expect(page.locator("#outcome")).to_have_attribute("data-outcome", outcome)
        page.evaluate("scrollTo(0, 0)")
        field, *bars = [
            page.locator(name).bounding_box() or {}
            for name in ("#canvas", *(f"#bars [data-digit='{d}']" for d in range(10)))
        ]
        lowest = max(box["y"] + box["height"] for box in (field, *bars))
        # On the smallest, after scrolling to the field.
        assert lowest - (field["y"] if height == 568 else 0) <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_was_read_is_said_in_the_language_of_now(opened: Opened, tmp_path: Path) -> None:
    """The number that is the headline, and the boxes of its digits."""
    page = opened(locale="en-GB")
    page.set_input_files("#file", photo(tmp_path / "row.png", "17"))
    expect(page.locator("#text")).to_have_text("17")
    page.locator("#text button").nth(1).click()
    page.click("#language")
    expect(page.locator("#outcome .more").first).to_contain_text("概率")
    expect(page.locator("#text button").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#photo-close")).not_to_have_text("Close")
    page.click("#photo-close")
    for left in (0.1, 0.55):  # two digits, apart
        draw(page, [[(left + 0.35 * x, y) for x, y in stroke] for stroke in DIGITS["1"]])
    expect(page.locator("#text")).to_have_text("11")
    label = page.locator("#marks .box").first.get_attribute("aria-label") or ""
    assert "：" in label
    page.click("#language")
    expect(page.locator("#marks .box").first).not_to_have_attribute("aria-label", label)


def part(strokes: list[Stroke], left: float, top: float, size: float) -> list[Stroke]:
    """Strokes brought to a part of the field."""
    return [[(left + size * x, top + size * y) for x, y in stroke] for stroke in strokes]


def test_the_chosen_model_is_no_other_model(opened: Opened) -> None:
    """After a visit to another view the others are still the others, and errors are shown."""
    page = opened(locale="en-GB")
    expect(page.locator("#model option")).to_have_count(2)
    for _ in range(2):
        page.click("#tab-learn")
        expect(page.locator("#learn-view")).to_be_visible()
        page.click("#tab-draw")
        page.hover("#model")
    draw(page, DIGITS["7"])
    expect(page.locator("#others .other")).to_have_text(re.compile("softmax"))


def test_errors_are_shown_after_a_look_for_new_models(browser: Browser, url: str) -> None:
    """A model that fails says so, also once the list of models was asked for again."""
    page = browser.new_page(locale="en-GB")
    page.goto(url)
    expect(page.locator("#model option")).to_have_count(2)
    with page.expect_response("**/models"):
        page.hover("#model")
    page.wait_for_timeout(100)
    page.route(
        "**/infer", lambda route: route.fulfill(status=500, json={"error": "The model is broken."})
    )
    draw(page, DIGITS["3"])
    expect(page.locator("#reading")).to_have_text("The model is broken.")
    page.close()


@pytest.mark.parametrize("by", ["mouse", "keys"])
def test_a_tap_leaves_a_dot(opened: Opened, by: str) -> None:
    """The dot's ink is on the field and in what the model sees, and can be undone."""
    page = opened()
    if by == "mouse":
        draw(page, [[(0.5, 0.5)]])
    else:
        page.locator("#canvas").focus()
        page.keyboard.press("Space")
    expect(page.locator("#outcome")).not_to_have_attribute("data-outcome", "blank")
    inked = """id => {
      const { width, height } = document.getElementById(id);
      const context = document.getElementById(id).getContext("2d");
      const { data } = context.getImageData(0, 0, width, height);
      return data.filter((value, i) => i % 4 === 0 && value < 128 && data[i + 3] > 128).length;
    }"""
    assert page.evaluate(inked, "canvas") > 300
    assert page.evaluate(inked, "seen") > 20
    page.click("#undo")
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "blank")


def test_no_blank_field_is_sent(opened: Opened) -> None:
    """Once all ink is erased, nothing is asked and nothing is answered."""
    page = opened()
    draw(page, [[(0.4, 0.5), (0.6, 0.5)]])
    expect(page.locator("#outcome")).not_to_have_attribute("data-outcome", "blank")
    expect(page.locator("#why")).not_to_be_empty()
    page.click("#eraser")
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data or "") if "/infer" in request.url else None,
    )
    draw(page, [[(0.2 + 0.6 * (i % 2), 0.44 + 0.02 * i) for i in range(7)]])
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "blank")
    page.wait_for_timeout(600)
    assert all(re.search("[1-9]", body.partition('"data":')[2]) for body in sent)
    page.click("#undo")
    expect(page.locator("#outcome")).not_to_have_attribute("data-outcome", "blank")


@pytest.mark.parametrize("touch", [False, True])
def test_a_stroke_may_begin_beside_the_field(opened: Opened, touch: bool) -> None:
    """A stroke that begins 12 pixels left of the field has ink from the field's edge on."""
    page = opened(viewport={"width": 390, "height": 844}, has_touch=touch)
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    xs = [box["x"] - 12 + 0.05 * i * box["width"] for i in range(16)]
    if touch:
        wire = page.context.new_cdp_session(page)

        def tell(kind: str, points: list[dict[str, float]]) -> None:
            wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        tell("touchStart", [{"x": xs[0], "y": y}])
        for x in xs[1:]:
            tell("touchMove", [{"x": x, "y": y}])
        tell("touchEnd", [])
    else:
        page.mouse.move(xs[0], y)
        page.mouse.down()
        for x in xs[1:]:
            page.mouse.move(x, y)
        page.mouse.up()
    expect(page.locator("#undo")).to_be_enabled()
    row = page.evaluate("""() => {
      const canvas = document.getElementById("canvas");
      const middle = Math.round(canvas.height / 2);
      const { data } = canvas.getContext("2d").getImageData(0, middle, canvas.width, 1);
      return [...data].filter((_, i) => i % 4 === 3).map((value) => value > 128);
    }""")
    assert all(row[: int(0.6 * len(row))])
    assert not any(row[int(0.85 * len(row)) :])


def test_strokes_go_onto_an_example(opened: Opened) -> None:
    """The ink of the example stays below the stroke; undone one by one, the example comes back."""
    page = opened()
    page.click("#sample")
    expect(page.locator("#outcome")).not_to_have_attribute("data-outcome", "blank")
    levels = """() => {
      const { data } = document.getElementById("seen").getContext("2d").getImageData(0, 0, 28, 28);
      return [...data].filter((_, i) => i % 4 === 0);
    }"""
    before = page.evaluate(levels)
    draw(page, [[(0.3, 0.5), (0.7, 0.5)]])
    page.wait_for_function(f"before => String(({levels})()) !== String(before)", arg=before)
    ink = [255 - np.array(image, int) for image in (before, page.evaluate(levels))]
    # Framing moves and scales the ink a little, but most of the example's is still there.
    assert np.minimum(*ink).sum() > 0.5 * ink[0].sum()
    page.click("#undo")
    page.wait_for_function(f"before => String(({levels})()) === String(before)", arg=before)
    page.click("#undo")
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "blank")


def test_a_drawn_number_is_the_headline(opened: Opened) -> None:
    """The number is read without a click; tapping a digit shows its bars and draws no dot."""
    page = opened()
    for i, digit in enumerate("2735"):
        draw(page, part(DIGITS[digit], 0.24 * i - 0.11, 0.2, 0.5))
    expect(page.locator("#text")).to_have_text("2735")
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "number")
    expect(page.locator("#marks .box")).to_have_count(4)
    top = page.locator("#bars .top")
    expect(top).to_have_attribute("data-digit", "5")  # which was written last
    # The tap's dot comes and goes, so that the drawing is read again; the pick outlives that.
    with page.expect_response(lambda response: "/read" in response.url):
        draw(page, [[(0.24 - 0.11 + 0.25, 0.2 + 0.25)]])
    expect(top).to_have_attribute("data-digit", "7")
    expect(page.locator("#text [aria-pressed=true]")).to_have_text("7")
    expect(page.locator("#marks [aria-pressed=true]")).to_have_count(1)
    page.locator("#text button").nth(2).click()
    expect(top).to_have_attribute("data-digit", "3")
    for _ in range(3):  # all but the 2
        page.click("#undo")
    expect(page.locator("#outcome .said")).to_have_text("2")
    expect(page.locator("#marks .box")).to_have_count(0)


def test_touching_digits_are_a_number(opened: Opened) -> None:
    """Two overlapping zeros are read as 00, though there is no gap between them."""
    page = opened()
    for left in (0.02, 0.35):
        draw(page, part(DIGITS["0"], left, 0.1, 0.7))
    expect(page.locator("#text")).to_have_text("00")
    expect(page.locator("#marks .box")).to_have_count(2)


def test_rows_of_a_photo_are_rows(opened: Opened, tmp_path: Path) -> None:
    """Three rows of digits: three rows in the headline, and a small image fills the field."""
    paper = np.full((150, 200), 235, np.uint8)
    for i, text in enumerate(("1246", "8903", "5721")):
        cv2.putText(paper, text, (30, 40 + 45 * i), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 40, 3)
    cv2.imwrite(str(tmp_path / "rows.png"), paper)
    page = opened()
    page.set_input_files("#file", tmp_path / "rows.png")
    expect(page.locator("#text .row")).to_have_text(["1246", "8903", "5721"])
    expect(page.locator("#photo .box")).to_have_count(12)
    field, print_ = (page.locator(name).bounding_box() or {} for name in ("#canvas", ".print"))
    assert print_["width"] == pytest.approx(field["width"], abs=2)
    expect(page.locator(".print img")).to_have_css("image-rendering", "pixelated")


def test_several_files_are_all_read(opened: Opened, tmp_path: Path) -> None:
    """A list has a line for each file, and each can be opened."""
    for text in ("17", "24"):
        photo(tmp_path / f"{text}.png", text)
    page = opened(locale="en-GB")
    names = ["17.png", "24.png"]
    page.set_input_files("#file", [tmp_path / name for name in names])
    lines = page.locator("#files button")
    expect(lines).to_have_text([re.compile("17.png.*17"), re.compile("24.png.*24")])
    expect(page.locator("#text")).to_have_text("17")
    lines.nth(1).click()
    expect(page.locator("#text")).to_have_text("24")
    expect(lines.nth(1)).to_have_attribute("aria-pressed", "true")
    page.click("#photo-close")
    expect(page.locator("#reading")).to_be_hidden()


def test_pages_of_a_file_are_all_read(opened: Opened, tmp_path: Path) -> None:
    """Though no browser shows a TIFF, the list has a line for each page."""
    pages = [Image.open(photo(tmp_path / f"{text}.png", text)) for text in ("17", "24")]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    page = opened(locale="en-GB")
    page.set_input_files("#file", tmp_path / "scan.tif")
    lines = page.locator("#files button")
    expect(lines).to_have_text(
        [re.compile(r"scan\.tif \(page 1\)17"), re.compile(r"scan\.tif \(page 2\)24")]
    )
    expect(page.locator("#text")).to_have_text("17")
    lines.nth(1).click()
    expect(page.locator("#text")).to_have_text("24")


def test_errors_call_a_file_by_its_name(browser: Browser, url: str, tmp_path: Path) -> None:
    """The error of a damaged file names it, whether it is alone or beside another file."""
    good = photo(tmp_path / "good.png", "17")
    damaged = tmp_path / "my photo.png"
    damaged.write_bytes(good.read_bytes()[:300])
    page = browser.new_page(locale="en-GB")
    page.goto(url)
    page.set_input_files("#file", damaged)
    expect(page.locator("#reading")).to_contain_text("my photo.png is")
    page.set_input_files("#file", [damaged, good])
    lines = page.locator("#files button")
    expect(lines).to_have_text([re.compile("^my photo.png is"), re.compile("17$")])
    expect(page.locator("#text")).to_have_text("17")
    page.close()


def test_the_evidence_of_a_mistake_is_about_its_label(opened: Opened) -> None:
    """Opened from the list of mistakes, the evidence compares the answer with the label."""
    page = opened("/#look", locale="en-GB")
    first = page.locator("#pictures .sprite.wrong").first
    first.wait_for()
    label, answer = re.findall(r"\d", first.locator("span").inner_text())
    first.click()
    page.click("#detail-draw")
    why = page.locator("#why")
    expect(why).to_contain_text(f"The label is {label}.")
    expect(why).to_contain_text(re.compile(rf"\b{answer}\b.*\b{label}\b"))
    expect(page.locator(f"#bars .why[data-digit='{answer}']")).to_be_visible()
    expect(page.locator(f"#bars .not[data-digit='{label}']")).to_be_visible()


def test_other_models_say_what_is_no_digit(opened: Opened) -> None:
    """The convnet calls a scribble no digit, without a percentage."""
    page = opened(locale="en-GB")
    page.select_option("#model", "softmax")
    draw(page, [[(0.1 + 0.8 * (i % 2), 0.1 + 0.04 * i) for i in range(20)]])
    other = page.locator("#others .other")
    expect(other).to_have_attribute("data-outcome", "not a digit")
    expect(other.locator("b")).to_have_text("Not a digit")
    expect(other.locator(".percent")).to_be_empty()


def test_an_open_page_sees_models_come_and_go(
    browser: Browser, serve: Any, tmp_path: Path, mnist: DataSets
) -> None:
    """A file that appears in the folder can be chosen without loading the page anew."""
    folder = tmp_path / "models"
    folder.mkdir()
    model = SoftmaxRegression(steps=50).fit(mnist.train.images[:5000], mnist.train.labels[:5000])
    with serve(tmp_path, "--models", str(folder)) as (address, _):

        def served() -> int:
            return len(httpx.get(f"{address}/models").json()["models"])

        def looked() -> None:
            page.hover("#canvas")
            page.hover("#model")

        page = browser.new_page()
        page.goto(address)
        options = page.locator("#model option")
        expect(options).to_have_count(served())
        before = served()
        save_model(model, folder / "later.onnx")
        wait_for(lambda: served() == before + 1)
        looked()
        expect(options).to_have_count(before + 1)
        page.select_option("#model", "later")
        (folder / "later.onnx").unlink()
        wait_for(lambda: served() == before)
        looked()
        expect(options).to_have_count(before)
        expect(page.locator("#model")).to_have_value("convnet")
        page.close()


def test_figures_are_those_of_the_newest_version(
    browser: Browser, serve: Any, tmp_path: Path, mnist: DataSets
) -> None:
    """Of a model that is replaced while its figures are looked at; garments are not on offer."""
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    images, labels = mnist.train.images[:5000], mnist.train.labels[:5000]
    save_model(SoftmaxRegression(steps=1).fit(images, labels), folder / "1.onnx")
    garments = [f"garment {i}" for i in range(10)]
    other = SoftmaxRegression(steps=1).fit(images, labels, classes=garments)
    save_model(other, folder.with_name("garments.onnx"))
    with serve(tmp_path, "--models", str(folder.parent)) as (address, _):
        page = browser.new_page()
        page.goto(f"{address}/#look")
        expect(page.locator("#accuracy")).to_contain_text("92.65%")
        assert page.locator("#look-model option").evaluate_all("all => all.map(o => o.value)") == [
            "convnet", "mine", "softmax"
        ]  # fmt: skip
        page.select_option("#look-model", "mine")
        expect(page.locator("#accuracy")).not_to_contain_text("92.65%")
        before = page.locator("#accuracy").inner_text()
        save_model(SoftmaxRegression(steps=200).fit(images, labels), folder / "2.onnx")
        wait_for(lambda: '"version":"2"' in httpx.get(f"{address}/models").text)
        page.hover("#tab-look")
        page.hover("#look-model")
        expect(page.locator("#accuracy")).not_to_have_text(before)
        expect(page.locator("#look-model")).to_have_value("mine")
        page.close()


def wait_for(true: Callable[[], bool], seconds: float = 20.0, page: Page | None = None) -> None:
    """Wait; what a page tells of itself is heard only while that page waits."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        if page is None:
            time.sleep(0.1)
        else:
            page.wait_for_timeout(20)


def test_what_the_server_refuses_is_said_in_chinese_too(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    """Its own sentences about pictures, as it makes them, and what it says when it is busy."""
    wide = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(wide, "PNG")
    whole = io.BytesIO()
    Image.effect_noise((40, 40), 50).save(whole, "PNG")
    given = [b"", b"no picture", whole.getvalue()[:700], wide.getvalue(), b"\0\0\0\x18ftypheic" * 9]
    sentences = [
        _too_large(2**20).sentence,
        "The server is busy; try again in a second.",
        "Too much is being done already; come again in a second.",
    ]
    for data in given:
        with pytest.raises(DataError) as refused:
            decode(data)
        sentences.append(str(refused.value))
    page = browser.new_page(locale="zh-CN")
    page.goto(url)
    for sentence in sentences:
        words = page.evaluate(
            """async text => {
              const { said, setLanguage } = await import("/page/words.js");
              setLanguage("zh");
              return said(text);
            }""",
            sentence,
        )
        assert re.search("[\u4e00-\u9fff]", words), sentence
    (tmp_path / "a.txt").write_text("no picture")
    page.set_input_files("#file", tmp_path / "a.txt")
    expect(page.locator("#reading")).to_contain_text("不是图片")
    page.click("#language")
    expect(page.locator("#reading")).to_contain_text("is not a picture")
    page.close()


def test_doubtful_readings_are_corrected_by_keys(
    browser: Browser, mnist: DataSets, tmp_path: Path
) -> None:
    """The page of `read --review`: alternatives, a typed text, and the corrected CSV file."""
    review, reader = Review(), Reader(risk=1e-9)
    for i in range(3):
        review.add(f"{i}, page.png", reader.read(255 - cv2.resize(mnist.test.images[i], (84, 84))))
    review.write_page(tmp_path / "check.html")
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.goto((tmp_path / "check.html").as_uri())
    expect(page.locator("#progress")).to_have_text("0 of 3 checked")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#image")).to_have_js_property("complete", True)
    page.keyboard.press("Enter")  # as it was read
    expect(page.locator("#name")).to_have_text("2. 1, page.png")
    page.locator("#text").fill("12 / 34")
    page.keyboard.press("Enter")
    expect(page.locator("#choices button").first).to_contain_text("1")
    page.keyboard.press("Alt+1")
    expect(page.locator("#progress")).to_have_text("3 of 3 checked")
    for one in Axe().run(page).response["violations"]:
        assert one["impact"] not in ("serious", "critical"), one
    with page.expect_download() as download:
        page.locator("#download").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == [f"{i}, page.png" for i in range(3)]
    assert [row["text"] for row in rows] == ["7", "12\n34", "1"]
    assert [row["checked"] for row in rows] == ["true"] * 3
    assert not problems
    context.close()


def test_what_a_field_may_hold_is_used(opened: Opened, tmp_path: Path) -> None:
    """A rule of the field changes the reading of the open photo, and a bad one is explained."""
    page = opened(locale="en-GB")
    page.set_input_files("#file", photo(tmp_path / "photo.png", "17"))
    expect(page.locator("#text")).to_have_text("17")
    more = page.locator("#outcome .more").first
    page.click("#known summary")
    page.fill("#known-allowed", "99,85")
    page.keyboard.press("Tab")
    expect(more).to_contain_text("It does not fit the field.")
    page.fill("#known-allowed", "17,99")
    page.select_option("#known-risk", "0.05")
    expect(more).to_contain_text("Accepted")
    expect(more).not_to_contain_text("does not fit")
    page.fill("#known-pattern", "x")
    page.keyboard.press("Tab")
    expect(page.locator("#reading")).to_contain_text("The pattern 'x' is refused")
    [refused] = opened.faults  # Chromium logs each status that is an error
    assert "status of 422" in refused
    opened.faults.clear()
    for one in Axe().run(page).response["violations"]:
        assert one["impact"] not in ("serious", "critical"), one
