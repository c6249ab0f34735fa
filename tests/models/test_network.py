"""A network's numbers: its shapes are what arithmetic by hand gives, and it is told by JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from mnistry.errors import InputError
from mnistry.models.network import Block, Network

SMALL = Network((28, 28), (Block(16, 6, 2), Block(24, 3, pool=2), Block(48, 3)), 10)
UNEVEN = Network((9, 14), (Block(2, 3, 2, 1, 2),), 3, "mean")
FLAT = Network((9, 14), (Block(2, 3, 2, 1, 2),), 3)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any network that is possible, of modest size."""
    side = st.integers(1, 40)
    block = st.builds(
        Block, st.integers(1, 64), st.integers(1, 7), st.integers(1, 3), st.integers(0, 3),
        st.integers(1, 3),
    )  # fmt: skip
    try:
        return Network(
            draw(st.tuples(side, side)),
            tuple(draw(st.lists(block, min_size=1, max_size=4))),
            draw(st.integers(1, 62)),
            draw(st.sampled_from(["flatten", "mean"])),
        )
    except InputError:
        reject()


ends = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
names = st.sampled_from(["shape", "blocks", "classes", "head", "channels", "kernel", "", "x"])
junk = st.recursive(
    ends, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)
)


@pytest.mark.parametrize(
    ("block", "side", "expected"),
    [
        (Block(1, 3), 28, 26),
        (Block(1, 3, padding=1), 28, 28),
        (Block(1, 6, 2), 28, 12),
        (Block(1, 3, 2, 1), 29, 15),
        (Block(1, 3, pool=2), 12, 5),
        (Block(1, 3, pool=2), 13, 5),  # the odd one out is dropped
        (Block(1, 3, pool=3), 4, 0),
        (Block(1, 5), 4, 0),
        (Block(1, 9), 4, -4),
    ],
)
def test_a_block_leaves_a_side_of(block: Block, side: int, expected: int) -> None:
    """(side + 2·padding − kernel) // stride + 1, then // pool; 0 or less where it does not fit."""
    assert block.size_after(side) == expected


def test_sizes_are_those_by_hand() -> None:
    """Channels and sides after each block, and what the linear layer reads of the last."""
    assert SMALL.sizes == [(16, 12, 12), (24, 5, 5), (48, 3, 3)]
    assert SMALL.features == 48 * 3 * 3
    assert UNEVEN.sizes == FLAT.sizes == [(2, 2, 3)]
    assert (UNEVEN.features, FLAT.features) == (2, 12)


def test_arrays_are_those_by_hand() -> None:
    """A kernel and a bias a block, then the linear layer's two, in that order."""
    assert list(SMALL.arrays.items()) == [
        ("kernel.0", (16, 1, 6, 6)),
        ("bias.0", (16,)),
        ("kernel.1", (24, 16, 3, 3)),
        ("bias.1", (24,)),
        ("kernel.2", (48, 24, 3, 3)),
        ("bias.2", (48,)),
        ("weights", (432, 10)),
        ("biases", (10,)),
    ]
    assert UNEVEN.arrays["weights"] == (2, 3)
    assert FLAT.arrays["weights"] == (12, 3)


def test_weights_and_products_are_those_by_hand() -> None:
    """What is learnt, and what one picture costs: the convolutions' places before pooling."""
    assert SMALL.weights == 576 + 16 + 3456 + 24 + 10368 + 48 + 4320 + 10
    assert SMALL.products == 12 * 12 * 16 * 36 + 10 * 10 * 24 * 16 * 9 + 9 * 48 * 24 * 9 + 4320
    assert UNEVEN.weights == 18 + 2 + 6 + 3
    assert UNEVEN.products == 5 * 7 * 2 * 9 + 2 * 3
    assert FLAT.products == 5 * 7 * 2 * 9 + 12 * 3


@pytest.mark.slow
@given(networks())
def test_round_trips(network: Network) -> None:
    """What `to_dict` tells makes an equal network again, through JSON as well."""
    told = network.to_dict()
    assert Network.from_dict(told) == network
    again = Network.from_dict(json.loads(json.dumps(told)))
    assert again == network
    assert hash(again) == hash(network)
    assert again.arrays == network.arrays


@pytest.mark.slow
@given(networks())
def test_numbers_agree_with_each_other(network: Network) -> None:
    """No side is lost, and there is at least a product for each weight that is no bias."""
    assert all(min(size) >= 1 for size in network.sizes)
    biases = network.classes + sum(block.channels for block in network.blocks)
    assert network.weights - biases <= network.products
    assert network.arrays["weights"] == (network.features, network.classes)


@pytest.mark.slow
@given(junk)
def test_junk_is_no_network(facts: Any) -> None:
    """Whatever JSON says, the answer is a network or an InputError."""
    try:
        Network.from_dict(facts)
    except InputError as error:
        assert len(str(error)) < 1000


@pytest.mark.slow
@given(networks(), st.data())
def test_nearly_a_network_is_no_crash(network: Network, data: st.DataObject) -> None:
    """A sound network with one value replaced by junk is a network or an InputError."""
    told = network.to_dict()
    told["blocks"] = list(told["blocks"])
    if data.draw(st.booleans()):
        told[data.draw(st.sampled_from(sorted(told)))] = data.draw(junk)
    else:
        block = data.draw(st.sampled_from(told["blocks"]))
        block[data.draw(st.sampled_from([*sorted(block), "x"]))] = data.draw(junk)
    try:
        found = Network.from_dict(told)
    except InputError as error:
        assert len(str(error)) < 1000
    else:
        assert Network.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    "facts",
    [
        None, 5, "network", [], {}, {"shape": [28, 28]},
        {**SMALL.to_dict(), "shape": 28},
        {**SMALL.to_dict(), "shape": [28, 28, 1]},
        {**SMALL.to_dict(), "blocks": None},
        {**SMALL.to_dict(), "blocks": [[16, 3]]},
        {**SMALL.to_dict(), "blocks": ["block"]},
        {**SMALL.to_dict(), "blocks": [{"channels": 16}]},
        {**SMALL.to_dict(), "blocks": [{"channels": 16, "kernel": 3, "dilation": 2}]},
        {**SMALL.to_dict(), "blocks": [{"channels": 16, "kernel": 3, "padding": "same"}]},
    ],
)  # fmt: skip
def test_other_facts_are_told_what_a_network_is(facts: Any) -> None:
    """Facts of another form get the sentence that names the four parts."""
    with pytest.raises(
        InputError, match=r"A network is told by its shape, blocks, classes and head; got"
    ):
        Network.from_dict(facts)


@pytest.mark.parametrize(
    ("shape", "blocks", "classes"),
    [
        ((28, 28), (), 10),
        ((0, 28), (Block(1, 1),), 10),
        ((28, 4097), (Block(1, 1),), 10),
        ((28, 28.0), (Block(1, 1),), 10),
        ((True, 28), (Block(1, 1),), 10),
        ((28, 28), (Block(1, 1),), 0),
        ((28, 28), (Block(0, 1),), 10),
        ((28, 28), (Block(1, 0),), 10),
        ((28, 28), (Block(1, 3, 0),), 10),
        ((28, 28), (Block(1, 3, 1, -1),), 10),
        ((28, 28), (Block(1, 3, 1, 0, 0),), 10),
        ((28, 28), (Block(10**9, 3),), 10),
    ],
)
def test_sizes_out_of_range_are_refused(shape: Any, blocks: Any, classes: Any) -> None:
    """No block, and any size that is not a whole number from 1 to 4096, get one sentence."""
    with pytest.raises(
        InputError, match=r"must have from 1 to 64 blocks, and sizes from 1 to 4,096; got Network\("
    ):
        Network(shape, blocks, classes)


def test_other_heads_are_refused() -> None:
    """The linear layer reads all or means, and nothing else."""
    head: Any = "max"
    with pytest.raises(InputError, match=r"`head` must be 'flatten' or 'mean'; got 'max'\."):
        Network((28, 28), (Block(1, 3),), 10, head)


def test_pictures_too_small_are_refused() -> None:
    """Blocks that leave nothing are told by the sizes that they leave."""
    with pytest.raises(
        InputError,
        match=r"Pictures of 8x12 are too small for these blocks, which leave 4x8 then 0x4;",
    ):
        Network((8, 12), (Block(1, 5), Block(1, 5)), 10)


def test_too_many_weights_are_refused() -> None:
    """More than 16 million weights are more than pictures of digits need."""
    with pytest.raises(InputError, match=r"at most 16,000,000 weights; got 19,996,672\."):
        Network((28, 28), (Block(4096, 28),), 4096)


@pytest.mark.parametrize(
    ("shape", "blocks", "sentence"),
    [
        ((28, 28), (Block(4, 3, padding=3),), r"`padding` must be less than its `kernel`"),
        ((28, 28), (Block(4, 3, padding=True),), r"`padding` must be less than its `kernel`"),
        ((28, 28), (Block(1, 1),) * 65, r"must have from 1 to 64 blocks"),
        ((1000, 1000), (Block(32, 3),), r"must do with .* products and .* numbers a block"),
    ],
)
def test_networks_that_would_never_end_are_refused(
    shape: tuple[int, int], blocks: tuple[Block, ...], sentence: str
) -> None:
    """Networks above the limits of memory and of multiplications are refused by their sizes."""
    with pytest.raises(InputError, match=sentence):
        Network(shape, blocks, 10, "mean")
