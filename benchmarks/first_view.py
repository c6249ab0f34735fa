"""How soon can the page be used on a phone with a slow connection?

`mnistry serve`, with its defaults, on loopback; Chromium by Playwright at 390 x 844 pixels, its
network limited to 400 kbit/s down and up with a latency of 400 ms (Chrome's DevTools protocol). A
visit is the first of a fresh profile, or the one after it. Seconds from the start of navigation:

- words: the first text is visible (first contentful paint).
- usable: the field takes strokes.
- ready: the list of models has arrived, so that strokes get answers.

Requests and bytes, headers included, are those of the whole visit. The median of `--repeats`
visits of each kind; they take turns.

The goal is 1.5 seconds to a usable page at the first visit.

Last answer (2026-11-30, 2 cores, 9 visits): words after 1.28 s, usable after 1.67 s (1.60 to
1.75), in 5 requests and 34 kB. The goal is missed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import machine
from compare import RESULTS, claim, finish, spread
from watched import Server

LATENCY, RATE = 400, 400_000  # milliseconds; bits a second
GOAL = 1.5  # seconds
MEASURES = {
    "words": ("words", "ms"),
    "usable": ("usable", "ms"),
    "ready": ("ready", "ms"),
    "requests": ("requests", "count"),
    "bytes": ("bytes", "count"),
}
# Records when the bars of the answer exist, which the drawing field's script builds last, and when
# the list of models exists.
NOTES = """(() => {
  const look = () => {
    if (document.querySelector("#bars .bar")) window.usable ??= performance.now();
    if (document.querySelector("#model option")) window.ready ??= performance.now();
    if (!window.ready) requestAnimationFrame(look);
  };
  look();
})()"""
TIMES = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return { words: paint.startTime, usable: window.usable, ready: window.ready };
}"""


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9, help="visits; default %(default)s")
    parser.add_argument("--smoke", action="store_true", help="one visit; nothing written")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON; default: in results/")
    args = parser.parse_args()
    args.name, args.question, args.missing = Path(__file__).stem, str(__doc__).splitlines()[0], []
    if args.smoke:
        args.repeats = 1
    elif args.out is None:
        args.out = RESULTS / f"{args.name}.json"
    with tempfile.TemporaryDirectory() as home, Server(Path(home)) as server:
        found = visits(f"http://127.0.0.1:{server.port}/", args.repeats)
    library = f"mnistry {machine.installed('mnistry')}"
    rows = [
        {
            "key": key, "name": name, "library": library, "void": None, "runs": found[key],
            **{m: spread([visit[m] for visit in found[key]]) for m in MEASURES},
        }
        for key, name in (("first", "first visit"), ("again", "second visit"))
    ]  # fmt: skip
    usable = spread([visit["usable"] for visit in found["first"]])["median"]
    result = {
        "benchmark": args.name, "question": args.question, "smoke": args.smoke,
        "machine": machine.describe(), "repeats": args.repeats,
        "settings": {"latency_ms": LATENCY, "bits_per_second": RATE},
        "measures": {key: {"title": t, "unit": unit} for key, (t, unit) in MEASURES.items()},
        "ours": None, "peers": rows, "not_installed": [],
        "claims": [claim("The first visit is usable after {} s.", usable, at_most=GOAL)],
    }  # fmt: skip
    return finish(args, result)


def visits(url: str, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Visit the page twice in each of several fresh profiles; return the measurements."""
    found: dict[str, list[dict[str, float]]] = {"first": [], "again": []}
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(repeats):
            for kind, visit in zip(found, visit_twice(browser, url), strict=True):
                found[kind].append(visit)
        browser.close()
    return found


def visit_twice(browser: Browser, url: str) -> list[dict[str, float]]:
    """Open the page on a slow network, and once more with the browser's cache."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    page = context.new_page()
    page.add_init_script(NOTES)
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False, "latency": LATENCY,
            "downloadThroughput": RATE / 8, "uploadThroughput": RATE / 8,
        },
    )  # fmt: skip
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    found = [visit(page, url, sizes) for _ in range(2)]
    context.close()
    return found


def visit(page: Page, url: str, sizes: list[float]) -> dict[str, float]:
    """Open the page; return its times, and the requests that the cache did not answer."""
    sizes.clear()
    page.goto(url)
    page.wait_for_function("() => window.ready", timeout=60_000)
    page.wait_for_load_state("networkidle")
    times = {name: ms / 1000 for name, ms in page.evaluate(TIMES).items()}
    sent = [size for size in sizes if size]
    return {**times, "requests": len(sent), "bytes": sum(sent)}


if __name__ == "__main__":
    sys.exit(main())
