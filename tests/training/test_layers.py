"""PyTorch's layers and the arrays made of them are the same network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.nn import functional

from mnistry.models.convnet import ConvNet
from mnistry.models.network import Block, Network
from mnistry.training.layers import Normalise, layers, member

NETWORKS = [
    Network((12, 10), (Block(4, 3), Block(6, 3, pool=2), Block(8, 3)), 5),
    Network((12, 10), (Block(4, 5, 2, 2), Block(6, 3, 1, 1, 2)), 5, "mean"),
    Network((9, 12), (Block(5, 2, 1, 0, 3),), 3),
    Network((1, 30), (Block(4, 3, 1, 1), Block(4, 3, 1, 1)), 2, "mean"),
]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """One thread and a seed for these small networks; PyTorch's own afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


def drawn(network: Network, n: int) -> Any:
    """Pictures in uint8, as a tensor (n, 1, h, w)."""
    return torch.randint(0, 256, (n, 1, *network.shape), dtype=torch.uint8)


def trained(network: Network, steps: int = 20) -> Any:
    """Layers after a few steps on noise, with shifts of either sign from the start."""
    model = layers(network)
    for module in model.modules():
        if isinstance(module, Normalise):
            torch.nn.init.normal_(module.bias, 0.0, 0.5)
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learnt, lr=0.1, momentum=0.9)
    for _ in range(steps):
        x, y = drawn(network, 32) / 255, torch.randint(0, network.classes, (32,))
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_arrays_answer_as_the_layers_do(network: Network) -> None:
    """Oracle: after training, PyTorch's logits and those of the arrays agree within 1e-4."""
    model = trained(network)
    norms = [m for m in model.modules() if isinstance(m, Normalise)]
    for norm in norms:  # nothing that is folded is trivial
        assert norm.running_mean.abs().min() > 0
        assert (norm.running_var - 1).abs().min() > 1e-3
        assert (norm.weight == 1).all()
    shifts = torch.cat([norm.bias.detach() for norm in norms])
    assert shifts.min() < 0 < shifts.max()
    images = drawn(network, 200)
    with torch.no_grad():
        expected = model(images / 255).numpy()
    found = ConvNet([member(network, model)]).logits(images[:, 0].numpy())
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_the_largest_is_taken_of_what_is_normalised() -> None:
    """Where all outputs are below zero and the shift lifts them, pooling still agrees.

    A ReLU before the shift, or the smallest instead of the largest, would lose these.
    """
    network = Network((6, 6), (Block(2, 3, pool=2),), 3)
    model = layers(network).eval()
    convolution, _, norm = model[0], model[1], model[2]
    with torch.no_grad():
        convolution.weight.copy_(-torch.rand_like(convolution.weight))
        norm.running_mean.copy_(torch.tensor([-4.0, 0.5]))
        norm.running_var.copy_(torch.tensor([0.04, 9.0]))
        norm.bias.copy_(torch.tensor([-1.0, 3.0]))
        images = drawn(network, 50)
        outputs = convolution(images / 255)
        assert outputs.max() < 0
        pooled = model[:4](images / 255)
        assert all((pooled[:, i] > 0).any() for i in range(2))
        expected = model(images / 255).numpy()
    found = ConvNet([member(network, model)]).logits(images[:, 0].numpy())
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_learnt_is_what_the_network_tells(network: Network) -> None:
    """Shifts count as biases: as many numbers learn as `Network.weights` says."""
    learnt = [p for p in layers(network).parameters() if p.requires_grad]
    assert sum(p.numel() for p in learnt) == network.weights
    x = torch.zeros(2, 1, *network.shape)
    assert layers(network)(x).shape == (2, network.classes)


def test_scale_stays_one_while_shift_learns() -> None:
    """Training moves every shift and no scale, so that the scale is positive when folded."""
    network = NETWORKS[0]
    before = {k: v.clone() for k, v in trained(network, 0).state_dict().items()}
    torch.manual_seed(0)
    after = trained(network).state_dict()
    scales = [k for k in after if k.endswith("weight") and after[k].ndim == 1]
    shifts = [k.replace("weight", "bias") for k in scales]
    assert len(scales) == len(network.blocks)
    assert all((after[k] == 1).all() for k in scales)
    assert all(not torch.equal(after[k], before[k]) for k in shifts)


def test_arrays_are_copies() -> None:
    """Training on after `member` was called leaves its arrays as they were."""
    network = NETWORKS[0]
    model = trained(network)
    found = member(network, model)
    kept = {key: array.copy() for key, array in found.arrays.items()}
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.zero_()
    for key, array in found.arrays.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, kept[key])


def test_dropout_only_where_asked() -> None:
    """Dropout stands before the linear layer, and does nothing to a trained network."""
    network = NETWORKS[0]
    assert not any(isinstance(m, torch.nn.Dropout) for m in layers(network).modules())
    torch.manual_seed(1)
    plain = layers(network).eval()
    torch.manual_seed(1)
    dropping = layers(network, 0.5).eval()
    [dropout] = [m for m in dropping.modules() if isinstance(m, torch.nn.Dropout)]
    assert dropout.p == 0.5
    assert dropping[-2] is dropout
    x = drawn(network, 8) / 255
    assert torch.equal(plain(x), dropping(x))
    one, two = member(network, plain), member(network, dropping)
    for key, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[key])
