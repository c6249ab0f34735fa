"""The figure of a training run draws the numbers of its history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from mnistry.errors import InputError
from mnistry.evidence.curve import training
from mnistry.evidence.page import BLACK, LIGHT, save

BLUE = "#2166ac"
Row = dict[str, float | None]


def history(n: int, seed: int = 0, accuracy: bool = True) -> list[Row]:
    """Rows as `Trainer.history` has them."""
    rng = np.random.default_rng(seed)
    loss, right = rng.uniform(0.1, 2.3, n), rng.uniform(0.9, 0.99, n)
    return [
        {
            "epoch": (i + 1) / 2, "loss": float(loss[i]), "rate": 1e4, "seconds": float(i),
            "accuracy": float(right[i]) if accuracy else None,
        }
        for i in range(n)
    ]  # fmt: skip


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def curves(figure: Figure, colour: str) -> list[Line2D]:
    return [line for line in figure.axes[0].lines if line.get_color() == colour]


def dots(figure: Figure, colour: str) -> list[tuple[float, float]]:
    """The middles of dots of a colour, whether they are markers or circles."""
    marked = [line for line in curves(figure, colour) if line.get_marker() == "o"]
    found: list[Any] = [np.asarray(line.get_xydata())[0] for line in marked]
    found += [
        patch.center
        for patch in figure.axes[0].patches
        if isinstance(patch, Circle) and same_color(patch.get_facecolor(), colour)
    ]
    return [(float(x), float(y)) for x, y in found]


def boxes(figure: Figure) -> list[tuple[float, float, float, float]]:
    """(left, right, top, bottom) of each panel, by its three levels."""
    levels = curves(figure, LIGHT)
    assert len(levels) % 3 == 0
    found = []
    for i in range(0, len(levels), 3):
        left, right = np.asarray(levels[i].get_xdata(), float)
        top, bottom = (float(np.asarray(levels[j].get_ydata())[0]) for j in (i, i + 2))
        found.append((float(left), float(right), top, bottom))
    return found


def column(rows: list[Row], name: str) -> NDArray[np.float64]:
    return np.array([row[name] for row in rows], np.float64)


def check(
    line: Line2D, box: tuple[float, float, float, float], rows: list[Row], name: str,
    everything: list[list[Row]],
) -> None:  # fmt: skip
    """A line's points, read off the box, are the history's numbers."""
    left, right, top, bottom = box
    values = np.concatenate([column(one, name) for one in everything])
    last = max(column(one, "epoch").max() for one in everything)
    low, high = values.min(), values.max()
    epochs = (np.asarray(line.get_xdata()) - left) / (right - left) * last
    found = low + (bottom - np.asarray(line.get_ydata())) / (bottom - top) * (high - low)
    np.testing.assert_allclose(epochs, column(rows, "epoch"), atol=1e-9)
    np.testing.assert_allclose(found, column(rows, name), atol=1e-9)


@pytest.mark.parametrize("members", [1, 3])
def test_curves_are_the_historys_numbers(members: int) -> None:
    """A curve a network in each panel; all of a panel share one scale, told at its corners."""
    histories = [history(5 + i, seed=i) for i in range(members)]
    figure = training(histories, title="How it went")
    box_of_loss, box_of_accuracy = boxes(figure)
    for colour, name, box in ((BLACK, "loss", box_of_loss), (BLUE, "accuracy", box_of_accuracy)):
        lines = curves(figure, colour)
        assert len(lines) == members
        for line, rows in zip(lines, histories, strict=True):
            assert line.get_marker() == "None"
            check(line, box, rows, name, histories)
    text = words(figure)
    assert text[0] == "How it went"
    assert {"loss, nats", "accuracy on validation"} <= set(text)
    losses = np.concatenate([column(rows, "loss") for rows in histories])
    shares = np.concatenate([column(rows, "accuracy") for rows in histories])
    for values, form in ((losses, "{:.3g}"), (shares, "{:.2%}")):
        low, high = values.min(), values.max()
        assert {form.format(v) for v in (low, (low + high) / 2, high)} <= set(text)
    assert text.count(f"{(4 + members) / 2:g} epochs") == 2


def test_panels_stand_side_by_side_on_the_page() -> None:
    """Neither panel leaves the page or touches the other."""
    figure = training([history(4)])
    (left, right, top, bottom), (left_2, right_2, top_2, bottom_2) = boxes(figure)
    assert (top, bottom) == (top_2, bottom_2)
    low, high = figure.axes[0].get_xlim()
    assert low < left < right < left_2 < right_2 < high


def test_a_single_look_is_a_dot() -> None:
    """A history of one row is drawn as a dot in each panel, without a warning."""
    figure = training([history(1)])
    for colour, box in zip((BLACK, BLUE), boxes(figure), strict=True):
        [(x, y)] = dots(figure, colour)
        assert x == pytest.approx(box[1])
        assert y == pytest.approx(box[3])


def test_no_accuracy_no_panel() -> None:
    """Without validation pictures the loss stands alone."""
    figure = training([history(4, accuracy=False), history(3, 1, accuracy=False)])
    assert len(boxes(figure)) == 1
    assert len(curves(figure, BLACK)) == 2
    assert curves(figure, BLUE) == []
    assert not any("accuracy" in word or "%" in word for word in words(figure))


def test_rows_without_a_number_yet_are_left_out() -> None:
    """A look before the first step has no loss, and one network may have no validation."""
    histories = [[Row(epoch=0, loss=None, accuracy=0.1), *history(3)], history(2, 1, False), []]
    figure = training(histories)
    assert [np.size(line.get_xdata()) for line in curves(figure, BLACK)] == [3, 2]
    assert [np.size(line.get_xdata()) for line in curves(figure, BLUE)] == [4]


@pytest.mark.parametrize("epoch", [0.0, 1e-12, 100_000.0])
def test_any_number_of_epochs_is_drawn(epoch: float) -> None:
    """No epoch, or very many, stay within the box."""
    rows = [Row(epoch=epoch, loss=1.0, accuracy=None), Row(epoch=epoch, loss=1.0, accuracy=None)]
    figure = training([rows])
    [(left, right, top, bottom)] = boxes(figure)
    [line] = curves(figure, BLACK)
    assert (np.asarray(line.get_xdata()) >= left - 1e-6).all()
    assert (np.asarray(line.get_xdata()) <= right + 1e-6).all()
    assert (
        (np.asarray(line.get_ydata()) - top) * (bottom - np.asarray(line.get_ydata())) >= 0
    ).all()


@pytest.mark.parametrize(
    "histories",
    [
        [], [[]], [[], []], None, 5, "abc", [5], [[5]], {"a": 1},
        [[{}]],
        [[{"epoch": 1, "loss": 0.5}]],
        [[{"loss": 0.5, "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": None, "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": "much", "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": [1], "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": float("nan"), "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": 0.5, "accuracy": float("inf")}]],
        [[{"epoch": float("nan"), "loss": 0.5, "accuracy": 0.9}]],
        [[{"epoch": 1, "loss": 10**400, "accuracy": 0.9}]],
    ],
)  # fmt: skip
def test_no_history_is_told(histories: Any) -> None:
    """Without rows, or with rows that lack their numbers, the answer is one sentence."""
    with pytest.raises(
        InputError, match=r"There is no training to show: .*`mnistry train --model convnet`\."
    ):
        training(histories)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_figure_is_a_file(tmp_path: Path, kind: str) -> None:
    """The same history gives the same bytes."""
    for run in range(2):
        save(training([history(4), history(1, 1)]), tmp_path / f"{run}.{kind}")
    one, two = ((tmp_path / f"{run}.{kind}").read_bytes() for run in range(2))
    assert one == two
