"""The tables that people read follow from the results' JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tables

README = "# Benchmarks\n\n<!-- tables -->\nold\n<!-- /tables -->\n\nThe end.\n"
MACHINE = {
    "cpu": "A CPU", "cores": 2, "memory_bytes": 8 * 2**30, "system": "Linux", "python": "3.11.0",
    "libraries": {"numpy": "2.0"}, "blas": "openblas 1", "date": "2026-11-23", "commit": "abc+",
}  # fmt: skip


def of(median: float, low: float, high: float) -> dict[str, float]:
    return {"median": median, "min": low, "max": high}


def result(*, smoke: bool = False) -> dict[str, Any]:
    return {
        "benchmark": "speed",
        "question": "How fast?",
        "smoke": smoke,
        "machine": MACHINE,
        "repeats": 3,
        "measures": {
            "seconds": {"title": "training", "unit": "s"},
            "peak_bytes": {"title": "peak memory", "unit": "bytes"},
            "accuracy": {"title": "test accuracy", "unit": "share"},
        },
        "ours": "a",
        "peers": [
            {
                "key": "a", "name": "A", "library": "a 1.0", "void": None, "ratio": of(1, 1, 1),
                "seconds": of(0.1, 0.09, 0.12), "peak_bytes": of(1e8, 1e8, 1e8),
                "accuracy": of(0.92, 0.915, 0.921),
            },
            {
                "key": "b", "name": "B", "library": "b 2.0", "void": "test accuracy 12.00%",
                "seconds": of(12.34, 12.0, 13.0), "accuracy": of(0.12, 0.12, 0.12),
            },
        ],
        "not_installed": ["torch"],
        "claims": [
            {"claim": "B: {} times A's", "found": 3.5, "at_least": 3, "at_most": None, "met": True},
            {"claim": "A: {} MB", "found": 100, "at_least": None, "at_most": 9, "met": False},
        ],
    }  # fmt: skip


def test_render_shows_all_that_was_measured() -> None:
    """Medians with their range, void peers, claims, what is missing, and the conditions."""
    assert tables.render(result()) == (
        "### How fast?\n\n"
        "|  | on | training, s | peak memory, MB | test accuracy, % | × A |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| A | a 1.0 | 0.100 (0.090 to 0.120) | 100 | 92.00 (91.50 to 92.10) | 1.00 |\n"
        "| B | b 2.0 | 12.3 (12.0 to 13.0) |  | 12.00 |  |\n\n"
        "Void: B (test accuracy 12.00%).\n\n"
        "- B: 3.5 times A's; wanted at least 3: met\n"
        "- A: 100 MB; wanted at most 9: **not met**\n\n"
        "Not installed: torch.\n\n"
        "Rounds: 3; median (least to largest). A CPU, 2 cores, 8 GiB, Linux; Python 3.11.0, "
        "NumPy 2.0 (openblas 1); 2026-11-23, abc+.\n"
    )


def test_render_sets_times_to_objectives_side_by_side() -> None:
    """An objective that a peer did not reach says so and has no ratio."""
    own = result()
    own["targets"] = [
        {"objective": 0.23217, "a": of(2, 2, 2), "b": of(40, 39, 41), "ratio": of(20, 19, 21)},
        {"objective": 0.23212, "a": of(3, 3, 3), "b": None, "ratio": None},
    ]
    assert (
        "| objective, nats | A, s | B, s | ratio |\n"
        "| --- | --- | --- | --- |\n"
        "| 0.23217 | 2.00 | 40.0 (39.0 to 41.0) | 20.0 (19.0 to 21.0) |\n"
        "| 0.23212 | 3.00 | not reached |  |\n"
    ) in tables.render(own)


def test_render_shows_a_race_by_its_means() -> None:
    """A row for each peer and target; who doesn't get there has no seconds and no ratio."""
    own = result()
    fast = {"mean": 0.9905, "sd": 0.0004, "n": 10}
    own["race"] = [
        {
            "key": "a", "target": 0.99, "reached": True, "epochs": 2, "accuracy": fast,
            "seconds": {"mean": 2.0, "min": 1.9, "max": 2.2, "median": 9.9}, "ratios": {"b": 40.0},
        },
        {
            "key": "a", "target": 0.996, "reached": False, "epochs": 8, "accuracy": fast,
            "seconds": {"mean": 8.0, "min": 7.9, "max": 8.2, "median": 9.9}, "ratios": {"b": 10.0},
        },
    ]  # fmt: skip
    own["claims"][0]["aim"] = 5
    found = tables.render(own)
    assert (
        "|  | on | to | epochs | test accuracy, % ± sd (seeds) | training, s | B to 99.0%, ÷ |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| A | a 1.0 | 99.0% | 2 | 99.05 ± 0.04 (10) | 2.00 (1.90 to 2.20) | 40.0 |\n"
        "| A | a 1.0 | 99.6% | 8 | 99.05 ± 0.04 (10) | not reached |  |\n\n"
    ) in found
    assert "wanted at least 3 (aim: 5): met" in found
    assert "Rounds: 3; mean (least to largest). A CPU" in found


def test_render_knows_counts_and_milliseconds() -> None:
    """Large counts have their thousands set apart; a latency below a second is readable."""
    own = result()
    own["measures"] = {
        "rate": {"title": "pictures a second", "unit": "count"},
        "seconds": {"title": "a call", "unit": "ms"},
    }
    own["ours"], own["peers"] = None, own["peers"][:1]
    own["peers"][0]["rate"] = of(61234.5, 59000, 70000)
    own["peers"][0]["seconds"] = of(0.00016, 0.00015, 0.00021)
    assert (
        "|  | on | pictures a second | a call, ms |\n"
        "| --- | --- | --- | --- |\n"
        "| A | a 1.0 | 61,234 (59,000 to 70,000) | 0.160 (0.150 to 0.210) |\n"
    ) in tables.render(own)


def test_render_knows_millionths_of_seconds_and_yardsticks_of_each_peers_own() -> None:
    """What takes no time at all has digits; where peers differ in ours, the column says so."""
    own = result()
    own["measures"] = {"seconds": {"title": "a crop", "unit": "us"}}
    own["ours"], own["peers"] = {"a": "a"}, own["peers"][:1]
    own["peers"][0]["seconds"] = of(2.5e-6, 2e-6, 3e-6)
    assert (
        "|  | on | a crop, µs | × ours |\n| --- | --- | --- | --- |\n"
        "| A | a 1.0 | 2.50 (2.00 to 3.00) | 1.00 |\n"
    ) in tables.render(own)


def test_render_shows_what_is_read_of_each_set() -> None:
    """A row a set and part, a column a peer; a sample says so; then writers and ways."""
    row = {
        "part": "", "way": "", "letters": False, "n": 1000, "right": 950, "share": 0.95,
        "interval": [0.934, 0.963], "writers": 13, "clustered": [0.91, 0.98],
    }  # fmt: skip
    few = row | {"way": "slow", "letters": True, "n": 200, "clustered": None}
    own = result()
    own["sets"] = [
        {"key": "x", "title": "X", "n": 1000, "rows": [row | {"peer": "a"}, few | {"peer": "b"}]},
        {"key": "y", "title": "Y", "n": 200, "rows": [few | {"peer": "b", "part": "one digit"}]},
    ]
    assert (
        "| read exactly, % (95% interval) | pictures | A | B |\n"
        "| --- | --- | --- | --- |\n"
        "| X | 1,000 | 95.0 (93.4 to 96.3) | 95.0 (93.4 to 96.3), of 200 |\n"
        "| Y; one digit | 200 |  | 95.0 (93.4 to 96.3) |\n\n"
        "- X, 13 writers drawn as wholes: A 91.0 to 98.0\n\n"
        "- B, slow, letters taken for digits: X\n"
    ) in tables.render(own)


def write(folder: Path, *results: dict[str, Any]) -> list[str]:
    for one in results:
        (folder / f"{one['benchmark']}.json").write_text(json.dumps(one), "utf-8")
    (folder / "README.md").write_text(README, "utf-8")
    return ["tables", "--results", str(folder), "--readme", str(folder / "README.md")]


def test_tables_go_between_the_markers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README gets what is printed, and nothing else of it changes; twice is as once."""
    monkeypatch.setattr("sys.argv", write(tmp_path, result()))
    assert tables.main() == 0
    printed = capsys.readouterr().out
    assert printed == tables.render(result())
    expected = README.replace("old\n", printed)
    assert (tmp_path / "README.md").read_text("utf-8") == expected
    assert tables.main() == 0
    assert (tmp_path / "README.md").read_text("utf-8") == expected


def test_tables_refuse_a_smoke_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers that mean nothing don't become tables."""
    monkeypatch.setattr("sys.argv", write(tmp_path, result(smoke=True)))
    assert tables.main() == 2
    assert "speed is a smoke run's result; delete it." in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text("utf-8") == README


def test_tables_need_their_markers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A README without the place for them stays as it is."""
    monkeypatch.setattr("sys.argv", write(tmp_path, result()))
    (tmp_path / "README.md").write_text("no place", "utf-8")
    assert tables.main() == 2
    assert "lacks <!-- tables --> and <!-- /tables -->." in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text("utf-8") == "no place"
