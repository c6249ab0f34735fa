"""Peers take turns, and what is reported of them follows from their runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import machine
import optimum
from compare import Peer, claim, ratio, read_arguments, spread, summarise, take_turns
from mnistry.models.base import cross_entropy

OURS = Peer("ours", "ours", ("numpy",))
OTHER = Peer("other", "another", ("numpy",), goal=3)


def result(accuracy: float, *, own: float = 0.92, smoke: bool = False) -> dict[str, Any]:
    args = argparse.Namespace(
        name="n", question="Q?", smoke=smoke, repeats=2, peers=[OURS, OTHER], missing=["torch"]
    )
    runs = {
        "ours": [{"seconds": 1.0, "accuracy": own}, {"seconds": 2.0, "accuracy": 0.92}],
        "other": [{"seconds": 4.0, "accuracy": accuracy}, {"seconds": 6.0, "accuracy": 0.92}],
    }
    return summarise(
        args,
        runs,
        ours="ours",
        measures={"seconds": ("training", "s"), "accuracy": ("test accuracy", "share")},
        settings={},
        accuracy=(0.91, 0.925),
    )


def test_take_turns_interleaves() -> None:
    """Each round measures every peer once: A B A B."""
    seen = []

    def measure(peer: Peer, turn: int) -> dict[str, Any]:
        seen.append((turn, peer.key))
        return {"seconds": float(len(seen))}

    runs = take_turns([OURS, OTHER], 2, measure)
    assert seen == [(0, "ours"), (0, "other"), (1, "ours"), (1, "other")]
    assert [run["seconds"] for run in runs["other"]] == [2, 4]


def test_take_turns_lets_a_peer_drop_out_after_its_rounds() -> None:
    """Who has fewer rounds is left out of the later ones; all runs are kept after each."""
    kept: list[int] = []
    runs = take_turns(
        [OURS, OTHER],
        {"ours": 3, "other": 1},
        lambda peer, turn: {"key": peer.key, "seed": turn},
        keep=lambda runs: kept.append(sum(map(len, runs.values()))),
    )
    assert {key: [run["seed"] for run in own] for key, own in runs.items()} == {
        "ours": [0, 1, 2],
        "other": [0],
    }
    assert kept == [2, 3, 4]


def test_take_turns_goes_on_from_earlier_runs() -> None:
    """Rounds that are there are not measured again, nor lost where no more are wanted."""
    earlier = {"ours": [{"seed": 0}], "other": [{"seed": 0}, {"seed": 1}]}
    runs = take_turns([OURS, OTHER], {"ours": 2}, lambda _, turn: {"seed": turn}, earlier=earlier)
    assert runs == {"ours": [{"seed": 0}, {"seed": 1}], "other": earlier["other"]}
    assert len(earlier["ours"]) == 1


def test_peers_may_share_a_program() -> None:
    """The key is a name then; the command is the program's."""
    command = Peer("a", "a", ("numpy",), program="b").command("--seed", 3)
    assert Path(command[1]).name == "b.py"
    assert command[2:] == ["--seed", "3"]


def test_claim_is_judged_by_the_goal_and_not_by_the_aim() -> None:
    """What is hoped for is told, and decides nothing."""
    found = claim("{} times", 7, at_least=6, aim=12)
    assert (found["met"], found["aim"]) == (True, 12)
    assert not claim("{} MB", 7, at_most=6)["met"]


def test_ratio_is_taken_within_a_round() -> None:
    """A machine that slows down by half between rounds leaves the ratio as it was."""
    assert ratio([3, 6, 12], [1, 2, 4]) == spread([3, 3, 3])


def test_spread_agrees_with_numpy() -> None:
    """Median, mean and sample standard deviation are the usual ones; one value has none."""
    values = [3.0, 1.0, 4.0, 1.5]
    found = spread(values)
    assert found["median"] == np.median(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    assert spread([2.0])["sd"] == 0


def test_summarise_holds_ratios_against_goals() -> None:
    """The ratio's median is what a claim is judged by."""
    found = result(0.92)
    assert found["peers"][1]["ratio"]["median"] == 3.5
    [claim] = found["claims"]
    assert claim["met"]
    assert claim["found"] == 3.5
    assert found["not_installed"] == ["torch"]


def test_summarise_voids_what_did_not_learn() -> None:
    """One round outside the accuracy's range voids a peer: it gets no ratio and no claim."""
    found = result(0.5)
    assert found["peers"][1]["void"] == "test accuracy 50.00%"
    assert "ratio" not in found["peers"][1]
    assert found["claims"] == []
    assert not any("ratio" in peer for peer in result(0.92, own=0.5)["peers"])
    assert result(0.5, smoke=True)["peers"][1]["void"] is None


def test_summarise_sets_each_peer_against_its_own_of_ours() -> None:
    """By key, where not all are set against the same one; who has none has no ratio."""
    args = argparse.Namespace(
        name="n", question="Q?", smoke=False, repeats=1, peers=[OURS, OTHER], missing=[]
    )
    runs = {key: [{"seconds": s, "accuracy": 1.0}] for key, s in (("ours", 2.0), ("other", 6.0))}
    how: dict[str, Any] = {"measures": {}, "settings": {}, "accuracy": (0, 1)}
    ours, other = summarise(args, runs, ours={"other": "ours"}, **how)["peers"]
    assert "ratio" not in ours
    assert other["ratio"]["median"] == 3


@pytest.mark.parametrize("name", machine.PROGRAMS)
def test_installed_knows_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's version is its own word; where there is none, it isn't installed."""
    said = {"--version": f"{name} 5.3.0\n leptonica-1.82.0"}
    monkeypatch.setattr(machine, "_output", lambda _, argument: said[argument])
    assert machine.installed(name) == "5.3.0"
    monkeypatch.setattr(machine, "_output", lambda *_: None)
    assert machine.installed(name) is None


def test_read_arguments_leaves_out_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A peer whose library is missing is left out, and said so."""
    monkeypatch.setattr("sys.argv", ["script", "--smoke"])
    absent = Peer("absent", "absent", ("numpy", "no-such-distribution"))
    args = read_arguments("somewhere/script.py", "Q?", [OURS, absent], 3)
    assert args.peers == [OURS]
    assert args.missing == ["no-such-distribution"]
    assert capsys.readouterr().out == "no-such-distribution: not installed\n"
    assert (args.name, args.repeats, args.out) == ("script", 1, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--repeats", "0"], "--repeats must be at least 1; got 0"),
        (["--own-size", "-1"], "--own-size must be at least 1; got -1"),
        (["--peers", "absent"], "none of the peers is installed"),
    ],
)
def test_read_arguments_refuses(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What can't be measured is refused in a sentence."""
    monkeypatch.setattr("sys.argv", ["script", *arguments])
    with pytest.raises(SystemExit):
        read_arguments(
            "script.py",
            "Q?",
            [OURS, Peer("absent", "", ("no-such-thing",))],
            3,
            options={"--own-size": {"type": int, "default": 2}},
        )
    assert sentence in capsys.readouterr().err


def test_optimum_evaluates_the_objective(tmp_path: Path) -> None:
    """The objective is the mean cross-entropy + 1/(2n) · Σ weights²; biases are free."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 28, 28), np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    weights, biases = rng.normal(size=(784, 10)), rng.normal(size=10)
    np.savez(tmp_path / "mnist.npz", x_train=images, y_train=labels)
    logits = images.reshape(7, 784) / 255 @ weights + biases
    expected = cross_entropy(logits, labels) + (weights**2).sum() / 14
    found = optimum.evaluate(tmp_path / "mnist.npz", weights, biases)
    assert found == pytest.approx(expected, rel=1e-12)


def test_optimum_compares_the_seconds_to_an_objective() -> None:
    """The first note at or below the objective counts; whoever ends above it has no seconds."""
    ours = {"curve": [(0.5, 0.3), (1.0, 0.2321), (2.0, 0.23)]}
    theirs = {"curve": [(5.0, 0.3), (30.0, 0.23217), (40.0, 0.2322)], "default_objective": 0.3}
    targets = optimum.compare({optimum.OURS: [ours], optimum.THEIRS: [theirs]})
    found = {
        target["objective"]: target["ratio"] and target["ratio"]["median"] for target in targets
    }
    assert found == {0.3: 10, 0.23376: 30, 0.23217: 30, 0.23212: None}
    assert targets[-1][optimum.OURS]["median"] == 1.0
    assert targets[-1][optimum.THEIRS] is None
