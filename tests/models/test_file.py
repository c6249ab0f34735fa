"""A model is one ONNX file: the same answers everywhere, and nothing unsafe gets in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mnistry.data.dataset import DataSets
from mnistry.errors import ModelError
from mnistry.models import file
from mnistry.models.base import Model, softmax
from mnistry.models.convnet import NINE_VIEWS, ConvNet, Member, View
from mnistry.models.file import load_model, save_model, shipped_model
from mnistry.models.graph import build
from mnistry.models.network import Block, Network
from mnistry.models.softmax import SoftmaxRegression
from mnistry.training.recipe import Recipe


@pytest.fixture(scope="module")
def model(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression().fit(mnist.train.images, mnist.train.labels, classes=mnist.classes)


@pytest.fixture
def path(model: SoftmaxRegression, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


@pytest.mark.slow
def test_onnx_runtime_gives_the_same_answers(
    mnist: DataSets, model: SoftmaxRegression, path: Path
) -> None:
    """Oracle: on all 10,000 test pictures the same digit, probabilities within 1e-6."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    logits, p = session.run(["logits", "probabilities"], {"images": mnist.test.images})
    ours = model.predict_proba(mnist.test.images)
    np.testing.assert_array_equal(p.argmax(axis=1), ours.argmax(axis=1))
    assert np.abs(p - ours).max() <= 1e-6
    np.testing.assert_allclose(logits, model.logits(mnist.test.images), atol=1e-4)


def test_file_is_valid_onnx_in_plain_forms(path: Path) -> None:
    """ONNX's own checker is content; pictures are uint8 (n, 28, 28); n is free."""
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    [given_input] = proto.graph.input
    assert given_input.name == "images"
    assert given_input.type.tensor_type.elem_type == TensorProto.UINT8
    dims = [d.dim_param or d.dim_value for d in given_input.type.tensor_type.shape.dim]
    assert dims == ["n", 28, 28]
    assert [o.name for o in proto.graph.output] == ["logits", "probabilities"]


def test_round_trip_keeps_everything(model: SoftmaxRegression, tmp_path: Path) -> None:
    """Weights come back to the bit, with classes, shape and provenance."""
    save_model(model, tmp_path / "m.onnx", provenance={"recipe": {"rate": 0.5}})
    back = load_model(tmp_path / "m.onnx")
    assert isinstance(back, SoftmaxRegression)
    assert back.weights.tobytes() == model.weights.tobytes()
    assert back.biases.tobytes() == model.biases.tobytes()
    assert (back.classes, back.shape) == (model.classes, model.shape)
    assert back.provenance["recipe"] == {"rate": 0.5}
    assert back.provenance["versions"]["numpy"] == np.__version__


def test_same_model_same_bytes(model: SoftmaxRegression, tmp_path: Path) -> None:
    """Nothing but the model decides the bytes: no clock, no path."""
    save_model(model, tmp_path / "a.onnx")
    save_model(model, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_loaded_model_learns_on(mnist: DataSets, path: Path) -> None:
    """A model from a file can be trained further."""
    loaded = load_model(path)
    assert isinstance(loaded, SoftmaxRegression)
    part = mnist.validation.take(slice(100))
    before = loaded.weights.copy()
    loaded.partial_fit(part.images, part.labels)
    assert (loaded.weights != before).any()


def test_other_classes_and_shapes_round_trip(tmp_path: Path) -> None:
    """Three classes with names beyond ASCII, pictures of 5×9."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (9, 5, 9), dtype=np.uint8), np.arange(9) % 3
    model = SoftmaxRegression(steps=3).fit(images, labels, classes=["零", "一", "é"])
    save_model(model, tmp_path / "m.onnx")
    back = load_model(tmp_path / "m.onnx")
    assert back.classes == ("零", "一", "é")
    np.testing.assert_array_equal(back.logits(images), model.logits(images))


def test_shipped_model_is_the_optimum(mnist: DataSets) -> None:
    """The model in the package scores what softmax regression can, with its recipe inside."""
    model = shipped_model("softmax")
    assert (model.predict(mnist.test.images) == mnist.test.labels).mean() > 0.92
    assert model.provenance["recipe"]["solver"] == "lbfgs"
    assert model.provenance["data"]["fingerprint"] == mnist.train.fingerprint


@pytest.mark.slow
def test_shipped_convnet_is_what_its_card_says(mnist: DataSets) -> None:
    """The scores of the card are the file's, its command is the recipe's, and it is small."""
    model = shipped_model()
    assert isinstance(model, ConvNet)
    accuracy = float((model.predict(mnist.test.images) == mnist.test.labels).mean())
    assert accuracy >= 0.996
    assert accuracy == model.provenance["scores"]["accuracy"]
    assert model.provenance["data"]["counts"] == {
        "train": 54_921, "validation": 5_079, "test": 10_000
    }  # fmt: skip
    folder = file.shipped_path().parent
    card = (folder / "CARD.md").read_text("utf-8")
    assert f"**{accuracy:.2%}**" in card
    assert "mnistry train --model convnet --recipe robust --epochs 300" in card
    recipe = {k: v for k, v in model.provenance["recipe"].items() if k in Recipe.__annotations__}
    assert Recipe.from_dict(recipe) == Recipe.robust(300)
    assert sum(path.stat().st_size for path in folder.parent.rglob("*.onnx")) <= 12e6
    assert (model.typicality(mnist.test.images) <= 0.01).mean() <= 0.01


def test_save_refuses_and_loses_nothing(model: SoftmaxRegression, tmp_path: Path) -> None:
    """Another ending, an untrained model and a missing folder leave no file."""
    with pytest.raises(ModelError, match=r"`path` must end in \.onnx; got 'm\.pkl'"):
        save_model(model, tmp_path / "m.pkl")
    with pytest.raises(
        ModelError, match=r"must be a trained SoftmaxRegression or ConvNet; call its"
    ):
        save_model(SoftmaxRegression(), tmp_path / "m.onnx")
    with pytest.raises(FileNotFoundError):
        save_model(model, tmp_path / "no" / "m.onnx")
    with pytest.raises(
        ModelError, match=r"has 1,\d{3},\d{3} bytes of metadata, and a file .* at mo"
    ):
        save_model(model, tmp_path / "m.onnx", provenance={"x": "a" * 1_100_000})
    pictures = np.zeros((2, 5000), np.float32)
    for wide, what in (
        (SoftmaxRegression(steps=1).fit(pictures, [0, 1]), "5,000 pixels a side"),
        (SoftmaxRegression(steps=1).fit(pictures[:, :4], [0, 10_000]), "10,001 classes"),
    ):
        with pytest.raises(ModelError, match=rf"has {what}, and a file of mnistry at most"):
            save_model(wide, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


class Other(Model):
    """A model of a kind that has no file."""

    classes, shape = ("a",), (2, 2)

    def logits(self, images: object) -> np.ndarray:
        raise NotImplementedError


def test_other_kinds_have_no_file(tmp_path: Path) -> None:
    """A model of somebody's own is refused, and has no graph."""
    with pytest.raises(ModelError, match=r"must be a trained SoftmaxRegression or ConvNet"):
        save_model(Other(), tmp_path / "m.onnx")
    with pytest.raises(TypeError, match=r"must be of a kind that has a graph; got Other\."):
        build(Other())
    assert list(tmp_path.iterdir()) == []


NETWORKS = (
    Network((8, 7), (Block(3, 3), Block(4, 3, 1, 1, 2)), 3),
    Network((8, 7), (Block(5, 4, 2),), 3, "mean"),
)
IMAGES = np.random.default_rng(5).integers(0, 256, (300, 8, 7), dtype=np.uint8)


def made(
    *networks: Network, views: tuple[View, ...] = NINE_VIEWS, temperature: float = 1.3
) -> ConvNet:
    """A convnet of random members, its classes named beyond ASCII."""
    rng = np.random.default_rng(0)
    members = [
        Member(
            network,
            {k: rng.normal(0, 0.3, s).astype(np.float32) for k, s in network.arrays.items()},
        )
        for network in networks
    ]
    return ConvNet(members, classes=["零", "b", "é"], views=views, temperature=temperature)


CONVNETS = {
    "plain": made(NETWORKS[0], views=(View(0, 0),), temperature=1.0),
    "mean": made(NETWORKS[1], views=(View(3, -20),)),
    "ensemble": made(*NETWORKS, NETWORKS[0]),
}


@pytest.fixture(params=list(CONVNETS))
def convnet(request: pytest.FixtureRequest) -> ConvNet:
    return CONVNETS[request.param]


@pytest.fixture
def ensemble_path(tmp_path: Path) -> Path:
    """The file of two members with nine views; members are told apart by their networks."""
    save_model(made(*NETWORKS), tmp_path / "c.onnx")
    return tmp_path / "c.onnx"


def test_convnet_round_trip_keeps_everything(convnet: ConvNet, tmp_path: Path) -> None:
    """Arrays come back to the bit, with views, temperature, classes, shape and provenance."""
    save_model(convnet, tmp_path / "m.onnx", provenance={"scores": {"accuracy": 0.99}})
    back = load_model(tmp_path / "m.onnx")
    assert isinstance(back, ConvNet)
    assert [m.network for m in back.members] == [m.network for m in convnet.members]
    for ours, theirs in zip(convnet.members, back.members, strict=True):
        assert list(ours.arrays) == list(theirs.arrays)
        for key, array in ours.arrays.items():
            assert theirs.arrays[key].tobytes() == array.tobytes()
            assert theirs.arrays[key].dtype == np.float32
    assert back.views == convnet.views
    assert back.temperature == convnet.temperature
    assert (back.classes, back.shape) == (convnet.classes, convnet.shape)
    assert back.provenance["kind"] == "convnet"
    assert back.provenance["scores"] == {"accuracy": 0.99}
    np.testing.assert_array_equal(back.logits(IMAGES), convnet.logits(IMAGES))


def test_convnet_file_is_valid_onnx(convnet: ConvNet, tmp_path: Path) -> None:
    """ONNX's own checker is content with what is inferred; pictures are uint8; n is free."""
    save_model(convnet, tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto, full_check=True)
    [given_input] = proto.graph.input
    assert given_input.type.tensor_type.elem_type == TensorProto.UINT8
    dims = [d.dim_param or d.dim_value for d in given_input.type.tensor_type.shape.dim]
    assert dims == ["n", 8, 7]
    assert [o.name for o in proto.graph.output] == ["logits", "probabilities"]


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 7, 300])
def test_onnx_runtime_answers_as_the_convnet_does(convnet: ConvNet, tmp_path: Path, n: int) -> None:
    """Oracle: a session on the file gives the model's logits, and their softmax."""
    runtime = pytest.importorskip("onnxruntime")
    save_model(convnet, tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    logits, p = session.run(["logits", "probabilities"], {"images": IMAGES[:n]})
    np.testing.assert_allclose(logits, convnet.logits(IMAGES[:n]), atol=1e-5)
    np.testing.assert_allclose(p, softmax(logits), atol=1e-6)
    np.testing.assert_allclose(p, convnet.predict_proba(IMAGES[:n]), atol=1e-5)


def test_same_convnet_same_bytes(convnet: ConvNet, tmp_path: Path) -> None:
    """Nothing but the model decides the bytes, and one that was read writes them again."""
    save_model(convnet, tmp_path / "a.onnx")
    convnet.logits(IMAGES)
    save_model(convnet, tmp_path / "b.onnx")
    save_model(load_model(tmp_path / "a.onnx"), tmp_path / "c.onnx")
    first = (tmp_path / "a.onnx").read_bytes()
    assert (tmp_path / "b.onnx").read_bytes() == first
    assert (tmp_path / "c.onnx").read_bytes() == first


def test_an_ensemble_with_views_is_one_file(ensemble_path: Path) -> None:
    """All members and all nine views are inside one file, and nothing stands beside it."""
    assert list(ensemble_path.parent.iterdir()) == [ensemble_path]
    proto = onnx.load(ensemble_path, load_external_data=False)
    assert not any(t.external_data for t in proto.graph.initializer)
    elsewhere = ensemble_path.parent / "elsewhere" / "x.onnx"
    elsewhere.parent.mkdir()
    ensemble_path.rename(elsewhere)
    back = load_model(elsewhere)
    assert isinstance(back, ConvNet)
    assert (len(back.members), len(back.views)) == (2, 9)


@pytest.mark.slow
def test_a_convnet_too_large_is_refused(tmp_path: Path) -> None:
    """More than 64 MiB are not written, for they could not be read."""
    network = Network((28, 28), (Block(4096, 28),), 2)
    arrays = {key: np.zeros(shape, np.float32) for key, shape in network.arrays.items()}
    model = ConvNet([Member(network, arrays)] * 6)
    with pytest.raises(ModelError, match=r"takes 7\d,\d{3},\d{3} bytes.*at most 67,108,864; use"):
        save_model(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def edit(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    proto = onnx.load(path)
    change(proto)
    path.write_bytes(proto.SerializeToString())
    return path


def tensor(proto: onnx.ModelProto, name: str) -> TensorProto:
    found: TensorProto = next(t for t in proto.graph.initializer if t.name == name)
    return found


def set_facts(**facts: object) -> Callable[[onnx.ModelProto], object]:
    def change(proto: onnx.ModelProto) -> None:
        [prop] = proto.metadata_props
        prop.value = json.dumps({**json.loads(prop.value), **facts})

    return change


def make_external(proto: onnx.ModelProto) -> None:
    weights = tensor(proto, "weights")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")


def make_absurd(proto: onnx.ModelProto) -> None:
    tensor(proto, "weights").dims[:] = [2**40, 10]


def make_short(proto: onnx.ModelProto) -> None:
    weights = tensor(proto, "weights")
    weights.raw_data = weights.raw_data[:-4]


def make_nan(proto: onnx.ModelProto) -> None:
    biases = tensor(proto, "biases")
    biases.raw_data = np.full(10, np.nan, "<f4").tobytes()


def drop_weights(proto: onnx.ModelProto) -> None:
    kept = [t for t in proto.graph.initializer if t.name != "weights"]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)


def rewire(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].op_type = "Sigmoid"


def other_white(proto: onnx.ModelProto) -> None:
    tensor(proto, "white").CopyFrom(numpy_helper.from_array(np.array(1.0), "white"))


def deep(proto: onnx.ModelProto) -> None:
    proto.metadata_props[0].value = "[" * 100_000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (make_external, r"keeps its 'weights' in another file, which mnistry never opens"),
        (make_absurd, r"'weights' of shape \[1099511627776, 10\].*float32 of shape \[784, 10\]"),
        (make_short, r"31,356 bytes for 'weights', not 31,360; it is cut short"),
        (make_nan, r"NaN, infinity or numbers without measure in 'biases'"),
        (drop_weights, r"no single array 'weights'"),
        (rewire, r"does not hold the graph that mnistry writes.*changed after training"),
        (other_white, r"does not hold the graph"),
        (deep, r"mnistry did not write it"),
        (lambda p: p.metadata_props.pop(), r"mnistry did not write it \(no metadata of ours\)"),
        (set_facts(kind="resnet"), r"of kind 'resnet', format 1, which mnistry .* can't read"),
        (set_facts(format=99), r"format 99"),
        (set_facts(classes=[]), r"names no classes"),
        (set_facts(classes=["a"] * 11), r"'weights' of shape \[784, 10\]"),
        (set_facts(shape=[28]), r"shape as \[28\], not two sides"),
        (set_facts(shape=[28, 10**9]), r"not two sides of 1 to 4096 pixels"),
        (set_facts(shape=[28, True]), r"not two sides"),
    ],
)
def test_load_refuses_what_was_changed(
    path: Path, change: Callable[[onnx.ModelProto], object], sentence: str
) -> None:
    """External data, absurd sizes, other graphs and broken metadata get one sentence."""
    with pytest.raises(ModelError, match=sentence):
        load_model(edit(path, change))


def numbers(name: str, value: float) -> Callable[[onnx.ModelProto], object]:
    """Fill an array with a value."""

    def change(proto: onnx.ModelProto) -> None:
        found = tensor(proto, name)
        count = len(found.raw_data) // 4
        found.raw_data = np.full(count, value, "<f4").tobytes()

    return change


def drop(name: str) -> Callable[[onnx.ModelProto], object]:
    return lambda proto: proto.graph.initializer.remove(tensor(proto, name))


def constant(name: str, values: object) -> Callable[[onnx.ModelProto], object]:
    """Change a constant that is not learnt, keeping its type."""

    def change(proto: onnx.ModelProto) -> None:
        found = tensor(proto, name)
        kind = numpy_helper.to_array(found).dtype
        found.CopyFrom(numpy_helper.from_array(np.array(values, kind), name))

    return change


def node(kind: str, **changed: object) -> Callable[[onnx.ModelProto], object]:
    """Change the first node of a kind: another kind by `op_type`, else an attribute."""

    def change(proto: onnx.ModelProto) -> None:
        found = next(n for n in proto.graph.node if n.op_type == kind)
        for name, value in changed.items():
            if name == "op_type":
                found.op_type = str(value)
            else:
                [attribute] = [a for a in found.attribute if a.name == name]
                attribute.CopyFrom(helper.make_attribute(name, value))

    return change


def extra_node(proto: onnx.ModelProto) -> None:
    proto.graph.node.append(helper.make_node("Relu", ["logits"], ["more"]))


def swap_members(proto: onnx.ModelProto) -> None:
    [prop] = proto.metadata_props
    facts = json.loads(prop.value)
    facts["members"].reverse()
    prop.value = json.dumps(facts)


TOLD = [network.to_dict() for network in NETWORKS]
CHANGED = r"does not hold the graph that mnistry writes for a model of kind 'convnet'"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (node("Relu", op_type="Sigmoid"), CHANGED),
        (node("Mean", op_type="Max"), CHANGED),
        (node("Conv", pads=[1, 1, 1, 1]), CHANGED),
        (node("MaxPool", strides=[1, 1]), CHANGED),
        (lambda p: p.graph.node.pop(), CHANGED),
        (extra_node, CHANGED),
        (constant("white", 1.0), CHANGED),
        (constant("channel", [0]), CHANGED),
        (constant("margin", [0, 0, 2, 2, 0, 0, 2, 2]), CHANGED),
        (constant("from.4", [0, 0]), CHANGED),
        (constant("by_view", [3, -1, 9]), CHANGED),
        (drop("white"), CHANGED),
        (set_facts(views=[[0, 0]]), CHANGED),
        (set_facts(views=[[0, 1]] * 9), CHANGED),
        (set_facts(members=TOLD[:1]), CHANGED),
        (set_facts(kind="softmax"), r"no single array 'weights'"),
        (set_facts(kind=["convnet"]), r"can't read"),
        (numbers("0.kernel.0", np.nan), r"NaN, infinity or numbers without measure in '0.kernel.0"),
        (numbers("1.biases", np.inf), r"NaN, infinity or numbers without measure in '1.biases'"),
        (numbers("temperature", np.nan), r"NaN, infinity .* in 'temperature'"),
        (numbers("temperature", 0), r"is damaged: `temperature` must be .*; got 0\.0\. Train it"),
        (numbers("temperature", -1), r"is damaged: `temperature` must be .*; got -1\.0\. Train it"),
        (drop("temperature"), r"no single array 'temperature'"),
        (drop("0.bias.1"), r"no single array '0.bias.1'"),
        (drop("1.weights"), r"no single array '1.weights'"),
        (swap_members, r"'0.kernel.0' of shape \[3, 1, 3, 3\].*float32 of shape \[5, 1, 4, 4\]"),
        (set_facts(members=None), r"must have from 1 to 64 members"),
        (set_facts(members=[]), r"must have from 1 to 64 members"),
        (set_facts(members={"0": TOLD[0]}), r"must have from 1 to 64 members"),
        (set_facts(members=[TOLD[0]] * 65), r"must have from 1 to 64 members"),
        (set_facts(members=[TOLD[0]] * 3), r"no single array '2.kernel.0'|'1.kernel.0' of shape"),
        (set_facts(members=[None]), r"is damaged: A network is told by its shape.*Train it again"),
        (set_facts(members=["x", 5]), r"is damaged: A network is told by its shape"),
        (set_facts(members=[{}]), r"is damaged: A network is told by its shape"),
        (set_facts(members=[{**TOLD[0], "blocks": [[1]]}]), r"damaged: A network is told by"),
        (set_facts(members=[{**TOLD[0], "blocks": []}]), r"must have from 1 to 64 blocks"),
        (set_facts(members=[{**TOLD[0], "head": "max"}]), r"damaged: `head` must be 'flatten'"),
        (set_facts(members=[{**TOLD[0], "classes": 10**9}]), r"damaged: A network must have"),
        (set_facts(members=[{**TOLD[0], "classes": 2}]), r"member 0 is for pictures or classes"),
        (set_facts(members=[TOLD[0], {**TOLD[1], "shape": [8, 8]}]), r"member 1 is for pictures"),
        (set_facts(classes=["a"] * 4), r"member 0 is for pictures or classes of another number"),
        (set_facts(shape=[7, 8]), r"member 0 is for pictures or classes of another number"),
        (set_facts(views=None), r"must have a list of views"),
        (set_facts(views=[]), r"`views` must be from 1 to 64"),
        (set_facts(views=[[0, 0]] * 65), r"`views` must be from 1 to 64"),
        (set_facts(views=[[0]]), r"`views` must be pairs of whole pixels"),
        (set_facts(views=[[0, 0, 0]]), r"`views` must be pairs of whole pixels"),
        (set_facts(views=[0, 1]), r"must have a list of views"),
        (set_facts(views=["ab"]), r"must have a list of views"),
        (set_facts(views=[[0.5, 0]]), r"`views` must be pairs of whole pixels"),
        (set_facts(views=[[True, 0]]), r"`views` must be pairs of whole pixels"),
        (set_facts(views=[[0, 10**9]]), r"`views` must be pairs of whole pixels"),
    ],
)
def test_load_refuses_convnets_that_were_changed(
    ensemble_path: Path, change: Callable[[onnx.ModelProto], object], sentence: str
) -> None:
    """Other nodes, constants, weights or facts than mnistry writes get one sentence."""
    with pytest.raises(ModelError, match=sentence) as caught:
        load_model(edit(ensemble_path, change))
    assert str(ensemble_path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_load_refuses_what_is_no_model(tmp_path: Path, path: Path) -> None:
    """No file, a folder, an empty file, a text, a cut file, a huge one, another's model."""
    with pytest.raises(ModelError, match=r"can't be read: No such file.*`mnistry train --out"):
        load_model(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match=r"can't be read: Is a directory"):
        load_model(tmp_path)
    bad = tmp_path / "bad.onnx"
    for content in (b"", b"hello", path.read_bytes()[:-1000]):
        bad.write_bytes(content)
        with pytest.raises(
            ModelError, match=rf"is not an ONNX model, or is cut short \({len(content):,} bytes"
        ):
            load_model(bad)
    with bad.open("wb") as sparse:
        sparse.truncate(10**10)
    with pytest.raises(ModelError, match=r"has 10,000,000,000 bytes, more than"):
        load_model(bad)
    foreign = helper.make_model(helper.make_graph([], "other", [], []))
    bad.write_bytes(foreign.SerializeToString())
    with pytest.raises(ModelError, match=r"is an ONNX model, but mnistry did not write it"):
        load_model(bad)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_damaged_files_never_crash(path: Path, data: st.DataObject) -> None:
    """Any flipped or missing bytes give a model or a ModelError, nothing else."""
    content = bytearray(path.read_bytes())
    near_structure = st.one_of(
        st.integers(0, 200), st.integers(len(content) - 900, len(content) - 1)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(near_structure)] = data.draw(st.integers(0, 255))
    damaged = path.with_name("damaged.onnx")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        loaded = load_model(damaged)
    except ModelError as error:
        assert str(damaged) in str(error)
    else:
        assert loaded.predict(np.zeros((1, 28, 28), np.uint8)).shape == (1,)


@settings(max_examples=60)
@given(st.data())
def test_damaged_convnets_never_crash(ensemble_path: Path, data: st.DataObject) -> None:
    """Any flipped or missing bytes of a convnet's file give a model or a ModelError."""
    content = bytearray(ensemble_path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = ensemble_path.with_name("damaged.onnx")
    whole = st.one_of(st.just(len(content)), st.integers(0, len(content)))
    damaged.write_bytes(content[: data.draw(whole)])
    try:
        loaded = load_model(damaged)
    except ModelError as error:
        assert str(damaged) in str(error)
    else:
        assert loaded.predict(IMAGES[:2]).shape == (2,)


@pytest.mark.slow
def test_model_fuzzer_finds_nothing() -> None:
    """Each of 200 fuzzed files gives a model or an `InputError`."""
    fuzzer = Path(__file__).parents[1] / "fuzz" / "fuzz_model.py"
    run = subprocess.run(
        [sys.executable, fuzzer, "--cases", "200", "--seed", "1"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert re.search(r"no finding in \d+ cases", run.stdout)


def test_limits_are_far_from_real_models() -> None:
    """Even 62 classes of letters at twice the size stay well below the largest file allowed."""
    assert file._LARGEST > 4 * 56 * 56 * 62 * 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    """Opening one would wait for ever."""
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match=r"pipe.onnx is no file but a pipe or a device; give"):
        load_model(tmp_path / "pipe.onnx")
