"""Ranks are one: what several processes learn together is what one learns alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError
from mnistry.training.feed import Feed
from mnistry.training.ranks import ALONE, Ranks, cut
from mnistry.training.recipe import Recipe
from mnistry.training.wire import Lost

pytestmark = pytest.mark.slow

Found = dict[int, list[dict[str, Any]]]
PROGRAM = Path(__file__).with_name("ranked.py")
RECIPES = ("moved", "bent", "dropped")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Let one process, two and three learn: what each rank of them tells."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    told: Found = {}
    for count in (1, 2, 3):
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        command = [sys.executable, *(torchrun if count > 1 else []), str(PROGRAM), str(folder)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        told[count] = []
        for number in range(count):
            with np.load(folder / f"{count}.{number}.npz") as arrays:
                told[count].append({key: arrays[key] for key in arrays.files})
    return told


def named(told: dict[str, Any], start: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key.startswith(start)}


@pytest.mark.parametrize("count", [2, 3])
def test_ranks_see_the_batch_that_one_would(count: int, found: Found) -> None:
    """Side by side, the ranks' pictures are the batch of one process: none twice, none lost."""
    alone = named(found[1][0], "x.") | named(found[1][0], "y.")
    assert len(alone) == 2 * 5 * len(RECIPES)
    for key, whole in alone.items():
        parts = [told[key] for told in found[count]]
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) == (1 if sum(sizes) % count else 0)
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3])
def test_slopes_are_the_same_in_double_precision(count: int, found: Found) -> None:
    """Oracle: slopes, with dropout, and running statistics, within 1e-12 of the whole batch's."""
    alone = named(found[1][0], "slope.") | named(found[1][0], "statistic.")
    assert len(alone) == 6 + 4
    for told in found[count]:
        for key, array in alone.items():
            scale = np.abs(array).max()
            np.testing.assert_allclose(
                told[key], array, rtol=0, atol=1e-12 * max(scale, 1), err_msg=key
            )


@pytest.mark.parametrize("count", [2, 3])
def test_bfloat16_is_normalised_by_the_whole_batch(count: int, found: Found) -> None:
    """Side by side, outputs and slopes are one process's, within bfloat16's 8 bits."""
    for key, whole in named(found[1][0], "rough.").items():
        parts = np.concatenate([told[key] for told in found[count]])
        size = np.abs(whole).max()
        np.testing.assert_allclose(parts, whole, rtol=0, atol=2**-7 * size, err_msg=key)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("recipe", RECIPES)
def test_same_model_up_to_the_order_of_sums(count: int, recipe: str, found: Found) -> None:
    """After 5 steps weights, momentum and running statistics agree with those of one process.

    In float32 the sums differ by some 1e-6. Where that turns a ReLU's sign or another pixel is
    the largest, a slope moves by what one pixel of 50 pictures is worth, less than 2e-3. What
    ranks would learn if each normalised its own share, or dropped its own, is 0.05 away or more.
    """
    alone = named(found[1][0], f"state.{recipe}.")
    for told in found[count]:
        for key, array in alone.items():
            if not key.endswith(".loss"):  # of which rank 0 has the sum
                np.testing.assert_allclose(told[key], array, rtol=0, atol=2e-3, err_msg=key)
    np.testing.assert_allclose(
        found[count][0][f"state.{recipe}.loss"], alone[f"state.{recipe}.loss"], atol=1e-3
    )


@pytest.mark.parametrize("count", [2, 3])
def test_ranks_hold_the_same_bits(count: int, found: Found) -> None:
    """No rank drifts from the others: their weights are equal to the bit."""
    first, *others = (named(told, "state.") for told in found[count])
    for other in others:
        for key, array in first.items():
            if not key.endswith(".loss"):
                np.testing.assert_array_equal(other[key], array, err_msg=key)


@pytest.mark.parametrize("count", [2, 3])
def test_each_validation_picture_counts_once(count: int, found: Found) -> None:
    """Of 301 pictures, which no rank number divides, the share that is right is a share of 301."""
    for told in found[count]:
        for recipe in RECIPES:
            right = float(told[f"right.{recipe}"]) * 301
            assert abs(right - round(right)) < 1e-9
            assert abs(right - float(found[1][0][f"right.{recipe}"]) * 301) <= 3  # near ties
            np.testing.assert_allclose(
                told[f"seen.{recipe}"], found[1][0][f"seen.{recipe}"], atol=0.01
            )


@pytest.mark.parametrize("count", [2, 3])
def test_ranks_tell_each_other(count: int, found: Found) -> None:
    """Texts and bytes of any length arrive, sums are sums, and rank 0 has the word."""
    for number, told in enumerate(found[count]):
        assert told["texts"].tolist() == ["é" * i for i in range(count)]
        assert (str(told["lead"]), str(told["none"])) == ("from 0", "")
        np.testing.assert_array_equal(told["every"], [[i, 7] for i in range(count)])
        total = count * (count + 1) // 2
        np.testing.assert_array_equal(told["large"], [total, 99_999 * total])
        kind = "InputError" if number == 0 else "Agreed"
        assert str(told["first"]) == f"{kind}: It can't be used."
        assert str(told["last"]) == f"{kind}: Rank {count - 1} says: It can't be used."
        assert str(told["same"]).startswith(f"{kind}: The {count} ranks differ in their `data`;")


@pytest.mark.parametrize("count", [2, 3])
def test_another_number_goes_on(count: int, found: Found) -> None:
    """From the checkpoint that one process left at step 3 of 6, ranks come to its own end."""
    alone = named(found[1][0], "handed.")
    assert len(alone) == 6
    for told in found[count]:
        for key, array in alone.items():
            np.testing.assert_allclose(told[key], array, rtol=0, atol=2e-3, err_msg=key)


def test_one_alone_asks_nobody() -> None:
    """A group of one gives back what it has, the same objects."""
    tensor = torch.arange(3)
    assert ALONE.add(tensor) is tensor
    assert ALONE.texts("a") == ["a"]
    assert ALONE.from_lead(b"a") == b"a"
    assert ALONE.share(10) == slice(0, 10)
    with pytest.raises(InputError, match="as it is"), ALONE.as_one():
        raise InputError("as it is")


@pytest.mark.parametrize(("n", "count"), [(0, 3), (2, 3), (100, 3), (128, 7), (5, 5)])
def test_shares_are_a_partition(n: int, count: int) -> None:
    """The shares follow each other, cover everything, and differ by one at most."""
    parts = [range(n)[Ranks(i, count).share(n)] for i in range(count)]
    assert [i for part in parts for i in part] == list(range(n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_more_ranks_than_pictures_is_refused(little: DataSet, quick: Recipe) -> None:
    """A batch of 8 can't be shared by 9."""
    with pytest.raises(InputError, match=r"Batches of 8 pictures can't be shared by 9 ranks"):
        Feed(little.take(slice(60)), quick, 0, torch.device("cpu"), Ranks(0, 9))


def test_a_lost_rank_is_told_from_other_trouble() -> None:
    """Gloo's, a socket's and NCCL's words for a rank that is gone; not those for other things."""
    assert cut(RuntimeError("Connection closed by peer [127.0.0.1]:3021"))
    assert cut(Lost("Rank 1 has closed its connection."))
    assert not cut(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not cut(OSError(28, "No space left on device"))
