"""The time to an accuracy is read off the curve of means; a ratio counts where ours got there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import convnet
import machine
from compare import Peer, Run

OURS = {target: key for key, target in convnet.OURS.items()}


def peer(*curves: Sequence[tuple[float, float]]) -> list[Run]:
    return [{"curve": curve, "epochs": len(curve)} for curve in curves]


def ours(seconds: float, *accuracies: float, epochs: int = 4) -> list[Run]:
    return [{"curve": [(seconds, found)], "epochs": epochs} for found in accuracies]


def test_time_to_is_where_the_curve_of_means_first_is_at_the_target() -> None:
    """Not where a seed is: the mean of both decides, at the mean of their seconds."""
    runs = peer([(10, 0.985), (20, 0.991), (30, 0.992)], [(12, 0.991), (24, 0.989), (36, 0.996)])
    found = convnet.time_to(runs, 0.99)
    assert (found["reached"], found["epochs"]) == (True, 2)
    assert found["seconds"]["mean"] == 22
    assert found["accuracy"]["mean"] == pytest.approx(0.99)
    assert convnet.time_to(runs, 0.994)["epochs"] == 3


def test_time_to_what_is_never_reached_gives_the_best() -> None:
    """The best epoch need not be the last."""
    found = convnet.time_to(peer([(10, 0.98), (20, 0.991), (30, 0.99)]), 0.994)
    assert (found["reached"], found["epochs"]) == (False, 2)
    assert found["accuracy"]["mean"] == 0.991


def test_time_to_counts_a_mean_of_exactly_the_target() -> None:
    """Binary fractions don't decide: ten seeds at 99.4% reach 99.4%."""
    assert convnet.time_to(ours(3, *[0.9939, 0.9941] * 5), 0.994)["reached"]
    assert not convnet.time_to(ours(3, *[0.994] * 9, 0.9939), 0.994)["reached"]


def test_time_to_knows_the_epochs_of_a_curve_that_is_its_end_alone() -> None:
    """mnistry's test accuracy is read once, after all of its epochs."""
    assert convnet.time_to(ours(3, 0.994, epochs=4), 0.994)["epochs"] == 4


def test_race_has_the_peers_at_all_targets_and_ours_at_their_own() -> None:
    """Ratios are to the peers' time to 99.0%, whatever the row's target is."""
    rows = convnet.race(
        {
            OURS[0.990]: ours(2, 0.991),
            OURS[0.994]: ours(8, 0.9945),
            convnet.KERAS: peer([(40, 0.98), (80, 0.991)]),
            convnet.TORCH: peer([(300, 0.98)]),
        }
    )
    keys = [(row["target"], row["key"]) for row in rows]
    both = [convnet.KERAS, convnet.TORCH]
    assert keys == [
        *((0.990, key) for key in (OURS[0.990], *both)),
        *((0.994, key) for key in (OURS[0.994], *both)),
        *((0.996, key) for key in both),
    ]
    ratios = {key: row["ratios"] for key, row in zip(keys, rows, strict=True)}
    assert ratios[0.990, OURS[0.990]] == {convnet.KERAS: 40}
    assert ratios[0.994, OURS[0.994]] == {convnet.KERAS: 10}
    assert ratios[0.990, convnet.KERAS] == {convnet.KERAS: 1}


def test_claims_are_not_met_by_a_training_that_misses_its_accuracy() -> None:
    """However fast it was."""
    rows = convnet.race(
        {
            OURS[0.990]: ours(2, 0.991),
            OURS[0.994]: ours(2, 0.9939),
            convnet.KERAS: peer([(80, 0.99)]),
            convnet.TORCH: peer([(150, 0.99)]),
        }
    )
    found = {claim["claim"]: (claim["found"], claim["met"]) for claim in convnet.claims(rows)}
    first, last = "Keras, Simple MNIST convnet", "PyTorch, MNIST example"
    assert found == {
        f"to 99.0% (99.10% on average): {first}'s time to 99.0% is {{}} times mnistry's": (
            40,
            True,
        ),
        f"to 99.0% (99.10% on average): {last}'s time to 99.0% is {{}} times mnistry's": (
            75,
            False,
        ),
        f"to 99.4% (99.39% on average): {first}'s time to 99.0% is {{}} times mnistry's": (
            40,
            False,
        ),
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int]]:
    """What a benchmark without real peers asks them for: (key, seed)."""
    seen: list[tuple[str, int]] = []
    keys = (OURS[0.990], convnet.KERAS)

    def answer(command: list[str], _: Path) -> Run:
        epochs, seed = float(command[-3]), int(command[-1])
        seen.append((Path(command[1]).stem, seed))
        if len(seen) == 5:
            raise KeyboardInterrupt
        curve = [(2.0, 0.99)]
        return {"seconds": 2.0, "accuracy": 0.99, "epochs": epochs, "seed": seed, "curve": curve}

    monkeypatch.setattr(convnet, "PEERS", [Peer(key, key, ("numpy",)) for key in keys])
    monkeypatch.setattr(convnet, "answer", answer)
    monkeypatch.setattr(convnet, "workplace", lambda _: nullcontext(tmp_path))
    return seen


def start(monkeypatch: pytest.MonkeyPatch, out: Path, *arguments: str) -> dict[str, Any]:
    monkeypatch.setattr("sys.argv", ["convnet", "--out", str(out), *arguments])
    assert convnet.main() == 0
    result: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return result


def test_an_interrupted_run_goes_on(
    asked: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whole rounds are kept; `--add` measures what is missing, and forgets no peer."""
    own, out = OURS[0.990], tmp_path / "convnet.json"
    sizes = ["--repeats", "3", "--peer-repeats", "2"]
    with pytest.raises(KeyboardInterrupt):
        start(monkeypatch, out, *sizes)
    assert asked == [(own, 0), (convnet.KERAS, 0), (own, 1), (convnet.KERAS, 1), (own, 2)]
    result = start(monkeypatch, out, *sizes, "--add", "--peers", own)
    assert asked[5:] == [(own, 2)]
    seeds = {peer["key"]: [run["seed"] for run in peer["runs"]] for peer in result["peers"]}
    assert seeds == {own: [0, 1, 2], convnet.KERAS: [0, 1]}
    assert len(result["earlier"]) == 1


def test_what_was_measured_otherwise_is_not_added_to(
    asked: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Runs of other settings, or from another machine, don't stand with new ones."""
    out = tmp_path / "convnet.json"
    start(monkeypatch, out, "--repeats", "1", "--peer-repeats", "1", "--add")
    monkeypatch.setitem(convnet.EPOCHS, convnet.KERAS, 99)
    other = machine.describe() | {"cpu": "another", "date": "tomorrow", "commit": "later"}
    monkeypatch.setattr(machine, "describe", lambda: other)
    with pytest.raises(SystemExit, match=r"can't be added to: it has other cpu, settings\.$"):
        start(monkeypatch, out, "--add")
    assert len(asked) == 2
