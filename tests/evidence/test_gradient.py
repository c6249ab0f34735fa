"""The gradient of a convnet's evidence: NumPy's own, held to PyTorch's and to differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.evidence.gradient import slopes
from mnistry.models.convnet import FIVE_VIEWS, ITSELF, ConvNet, Member, View
from mnistry.models.file import shipped_model
from mnistry.models.network import Block, Network

SHAPE = (9, 8)
BLOCKS: list[tuple[Block, ...]] = [
    (Block(3, 3),),
    (Block(3, 3, padding=2),),
    (Block(3, 3, stride=2),),
    (Block(3, 2, pool=2),),
    (Block(2, 3, 2, 2, 2),),
    (Block(3, 3), Block(4, 3, 1, 1, 2), Block(5, 2)),
    (Block(4, 1, pool=3), Block(2, 2, 1, 1)),
]


def drawn(network: Network, seed: int = 0) -> Member:
    """A member with random arrays, as large as keeps the logits near 1."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in network.arrays.items():
        terms = shape[0] if name == "weights" else int(np.prod(shape[1:]))
        arrays[name] = (rng.normal(size=shape) * (2 / terms) ** 0.5).astype(np.float32)
    return Member(network, arrays)


def pictures(n: int, shape: tuple[int, int] = SHAPE, seed: int = 0) -> NDArray[np.float64]:
    """Pictures with much paper, n of them."""
    rng = np.random.default_rng(seed)
    return rng.random((n, *shape)) * (rng.random((n, *shape)) < 0.4)


def gradient(
    model: ConvNet, ink: NDArray[np.float64], mix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The gradient at one picture (h, w)."""
    return np.asarray(slopes(model, np.stack([ink, ink]), mix)[1][0])


def evidence_by_torch(model: ConvNet, ink: Any) -> Any:
    """The logits of pictures (n, h, w), as PyTorch's layers give them, in double."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    votes = []
    for member in model.members:
        tensors = {name: torch.tensor(array).double() for name, array in member.arrays.items()}
        for down, right in model.views:
            _, h, w = ink.shape
            margin = max(abs(down), abs(right))
            wide = f.pad(ink, (margin, margin, margin, margin))
            top, left = margin - down, margin - right
            x = wide[:, None, top : top + h, left : left + w]
            for i, block in enumerate(member.network.blocks):
                x = f.conv2d(
                    x, tensors[f"kernel.{i}"], tensors[f"bias.{i}"], block.stride, block.padding
                )
                x = f.relu(f.max_pool2d(x, block.pool) if block.pool > 1 else x)
            x = x.mean(dim=(2, 3)) if member.network.head == "mean" else x.flatten(1)
            votes.append(x @ tensors["weights"] + tensors["biases"])
    return torch.stack(votes).mean(dim=0) / model.temperature


@pytest.mark.slow
@pytest.mark.parametrize("views", [ITSELF, FIVE_VIEWS, (View(2, -3), View(0, 1), View(20, 0))])
@pytest.mark.parametrize("head", ["flatten", "mean"])
@pytest.mark.parametrize("blocks", BLOCKS)
def test_gradient_is_that_of_pytorch(
    blocks: tuple[Block, ...], head: Any, views: tuple[View, ...]
) -> None:
    """Oracle: with padding, stride, pooling, either head, views and a temperature."""
    torch = pytest.importorskip("torch")
    members = [drawn(Network(SHAPE, b, 4, head), i) for i, b in enumerate((blocks, BLOCKS[0]))]
    model = ConvNet(members, views=views, temperature=0.7)
    # A picture whose every pixel differs, since PyTorch gives the first of equals all.
    ink = 0.1 + 0.8 * np.random.default_rng(3).random(SHAPE)
    mix = np.array([0.5, -2, 0, 1])
    tensor = torch.tensor(ink, requires_grad=True)
    value = (evidence_by_torch(model, tensor[None])[0] * torch.tensor(mix)).sum()
    value.backward()
    values, found = slopes(model, np.stack([ink, ink]), mix)
    np.testing.assert_allclose(values, value.item(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[0], tensor.grad.numpy(), rtol=0, atol=1e-12)


def test_gradient_of_the_model_that_ships(mnist: DataSets) -> None:
    """Finite differences of the packaged convnet's logits, and the logits themselves, agree."""
    model = shipped_model("convnet")
    ink, mix = mnist.test.images[8] / 255, np.zeros(10)
    mix[[5, 6]] = 1, -1
    values, _ = slopes(model, np.stack([ink, 0 * ink]), mix)
    images = np.stack([ink, 0 * ink]).astype(np.float32)
    np.testing.assert_allclose(values, model.logits(images) @ mix, rtol=0, atol=1e-4)
    found, step = gradient(model, ink, mix), 1e-7
    for row, column in ((14, 9), (19, 14), (8, 20), (2, 2)):
        dot = np.zeros_like(ink)
        dot[row, column] = step
        low, high = slopes(model, np.stack([ink - dot, ink + dot]), mix)[0]
        assert found[row, column] == pytest.approx((high - low) / (2 * step), abs=1e-5)


@st.composite
def models(draw: st.DrawFn) -> ConvNet:
    """Small convnets of every make."""
    shape = (draw(st.integers(4, 9)), draw(st.integers(4, 9)))
    classes, members = draw(st.integers(2, 4)), []
    for _ in range(draw(st.integers(1, 2))):
        blocks = []
        for _ in range(draw(st.integers(1, 3))):
            kernel = draw(st.integers(1, 3))
            sizes = [draw(st.integers(1, 3)), kernel, draw(st.integers(1, 2))]
            sizes += [draw(st.integers(0, kernel - 1)), draw(st.integers(1, 3))]
            blocks.append(Block(*sizes))
        head = draw(st.sampled_from(["flatten", "mean"]))
        try:
            network = Network(shape, tuple(blocks), classes, head)  # type: ignore[arg-type]
        except InputError:
            assume(False)
        members.append(drawn(network, draw(st.integers(0, 2**32 - 1))))
    shifts = st.builds(View, st.integers(-2, 2), st.integers(-2, 2))
    views = draw(st.one_of(st.just(ITSELF), st.lists(shifts, min_size=1, max_size=3)))
    return ConvNet(members, views=views, temperature=draw(st.sampled_from([1.0, 0.3, 4.0])))


@pytest.mark.slow
@settings(max_examples=60)
@given(models(), st.integers(0, 2**32 - 1), st.booleans())
def test_slopes_add_up(model: ConvNet, seed: int, crude: bool) -> None:
    """Slopes times the changes of the pixels are the change of the logits, however far apart."""
    path = pictures(4, model.shape, seed)
    if crude:  # many pixels are equal, so that units tie
        path = np.round(2 * path) / 2
    mix = np.random.default_rng(seed).normal(size=len(model.classes))
    values, found = slopes(model, path, mix)
    assert found.shape == (3, *model.shape)
    moved = np.einsum("nhw,nhw->n", found, np.diff(path, axis=0))
    np.testing.assert_allclose(moved, np.diff(values), rtol=0, atol=1e-9)
    logits = model.logits(path.astype(np.float32))
    np.testing.assert_allclose(values, logits @ mix, rtol=1e-4, atol=1e-3)


def test_slopes_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path cut into stretches gives what it gives at once."""
    model = ConvNet([drawn(Network(SHAPE, BLOCKS[5], 3))], views=FIVE_VIEWS)
    path, mix = pictures(12), np.array([1.0, -1, 0])
    whole = slopes(model, path, mix)
    for numbers in (1, 3000):
        monkeypatch.setattr("mnistry.evidence.gradient._AT_ONCE", numbers)
        for one, other in zip(slopes(model, path, mix), whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_equals_of_a_pool_share() -> None:
    """Where all of a pool are equal, each has the same slope: no corner is favoured."""
    network = Network((2, 2), (Block(1, 1, pool=2),), 1)
    arrays = {
        "kernel.0": np.ones((1, 1, 1, 1)), "bias.0": np.zeros(1),
        "weights": np.ones((1, 1)), "biases": np.zeros(1),
    }  # fmt: skip
    member = Member(network, {name: array.astype(np.float32) for name, array in arrays.items()})
    model, mix = ConvNet([member]), np.ones(1)
    assert np.array_equal(gradient(model, np.full((2, 2), 0.5), mix), np.full((2, 2), 0.25))
    one = np.array([[0.2, 0.4], [0.4, 0.3]])
    assert np.array_equal(gradient(model, one, mix), [[0, 0.5], [0.5, 0]])
    # The first is the largest for a third of the way, then the second is.
    _, [found] = slopes(model, np.array([[[0.3, 0.2], [0, 0]], [[0.3, 0.5], [0, 0]]]), mix)
    np.testing.assert_allclose(found, np.array([[1 / 3, 2 / 3], [0, 0]]))


def test_slopes_refuse_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures or mixes of another shape, and networks too large, get one sentence."""
    model = ConvNet([drawn(Network(SHAPE, BLOCKS[0], 3))])
    mix = np.ones(3)
    for path in (pictures(1), pictures(2)[0], pictures(3, (8, 9))):
        with pytest.raises(InputError, match=r"`path` must have shape \(n, 9, 8\), two"):
            slopes(model, path, mix)
    with pytest.raises(InputError, match=r"`mix` must be 3 numbers, one a class; got shape \(4,\)"):
        slopes(model, pictures(2), np.ones(4))
    monkeypatch.setattr("mnistry.evidence.gradient._MOST", 10)
    with pytest.raises(InputError, match="reads 378 numbers for a single picture, more than the"):
        slopes(model, pictures(2), mix)
