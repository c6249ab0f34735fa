"""Progress: a moving line on a terminal, else a line every few seconds."""

from __future__ import annotations

import io
import os
import sys

import pytest

from mnistry.cli.progress import Counter, Download, Progress, Share


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal of unknown width; pytest would undo it in a fixture."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    return made


def test_a_line_every_five_seconds_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A notebook or a log gets whole lines without control characters, the first after 5 s."""
    clock = Clock()
    with Progress("training", clock) as progress:
        for step in range(49):
            progress.update(step, 1000, 0.5, "validation 98.00%  ")
            clock.now += 0.25
    assert capsys.readouterr().err.splitlines() == [
        "training 20/1,000  loss 0.5000  validation 98.00%  245 s left",
        "training 40/1,000  loss 0.5000  validation 98.00%  240 s left",
    ]


def test_short_work_prints_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Work that ends within five seconds leaves standard error empty."""
    clock = Clock()
    with Share("deforming", clock) as share:
        share.update(1, 10)
        clock.now += 4.9
        share.update(10, 10)
    assert capsys.readouterr().err == ""


def test_a_line_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is redrawn at most ten times a second, and erased at the end."""
    clock, terminal = Clock(), on_terminal(monkeypatch)
    with Share("deforming", clock) as share:
        clock.now += 0.05
        share.update(1, 10)
        assert terminal.getvalue() == ""
        clock.now += 0.95
        share.update(5, 10)
        line = f"\r\033[Kdeforming {'█' * 10}{'░' * 10} 5/10 images  1 s left"
        assert terminal.getvalue() == line
    assert terminal.getvalue() == f"{line}\r\033[K"


def test_a_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a narrow terminal the bar is left out, and the rest is cut to the width."""
    clock, terminal = Clock(), on_terminal(monkeypatch)
    with Progress("training", clock) as progress:
        clock.now += 1
        progress.update(1, 9_000_000, 0.5, "validation 98.00%  12,345 images/s  ")
        clock.now += 1
        progress.update(2, 9_000_000, 0.5, "x" * 100)
    first, second = terminal.getvalue().split("\r\033[K")[1:3]
    assert "█" not in first
    assert "validation 98.00%" in first
    assert len(first) < 80
    assert len(second) == 79


def test_counter_gives_way_to_output_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counter is not drawn between rows on the same terminal, but is written to a log."""
    clock, terminal = Clock(), on_terminal(monkeypatch)
    counter = Counter(wanted=False, clock=clock)
    clock.now += 10
    counter.update(50)
    assert terminal.getvalue() == ""
    monkeypatch.undo()
    counter = Counter(wanted=False, clock=clock)
    clock.now += 10
    counter.update(50)
    assert capsys.readouterr().err == "50 images  5 a second\n"


def test_download_without_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the size is not known, the bytes so far and their rate are shown."""
    clock, terminal = Clock(), on_terminal(monkeypatch)
    with Download(clock) as download:
        download.update("qmnist/a.gz", 0, None)
        clock.now += 0.05
        download.update("qmnist/a.gz", 1_000_000, None)
        assert "1.0 MB" not in terminal.getvalue()  # too soon after the last
        clock.now += 0.95
        download.update("qmnist/a.gz", 3_000_000, None)
    assert "qmnist/a.gz 3.0 MB  3.0 MB/s" in terminal.getvalue()


def test_a_full_disk_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress that can't be written is left out."""
    clock = Clock()
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        progress = Progress("training", clock)
        clock.now += 10
        progress.update(1, 2, 0.5)
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
