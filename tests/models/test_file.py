"""A model is one ONNX file: the same answers everywhere, and nothing unsafe gets in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mnistry.data.dataset import DataSets
from mnistry.errors import ModelError
from mnistry.models import file
from mnistry.models.file import load_model, save_model, shipped_model
from mnistry.models.softmax import SoftmaxRegression


@pytest.fixture(scope="module")
def model(mnist: DataSets) -> SoftmaxRegression:
    return SoftmaxRegression().fit(mnist.train.images, mnist.train.labels, classes=mnist.classes)


@pytest.fixture
def path(model: SoftmaxRegression, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


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
    model = shipped_model()
    assert (model.predict(mnist.test.images) == mnist.test.labels).mean() > 0.92
    assert model.provenance["recipe"]["solver"] == "newton"
    assert model.provenance["data"]["fingerprint"] == mnist.train.fingerprint


def test_save_refuses_and_loses_nothing(model: SoftmaxRegression, tmp_path: Path) -> None:
    """Another ending, an untrained model and a missing folder leave no file."""
    with pytest.raises(ModelError, match=r"`path` must end in \.onnx; got 'm\.pkl'"):
        save_model(model, tmp_path / "m.pkl")
    with pytest.raises(ModelError, match=r"must be a trained SoftmaxRegression"):
        save_model(SoftmaxRegression(), tmp_path / "m.onnx")
    with pytest.raises(FileNotFoundError):
        save_model(model, tmp_path / "no" / "m.onnx")
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


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


def test_model_fuzzer_finds_nothing() -> None:
    """Two seconds of the seeded fuzzer find only models and sentences."""
    fuzzer = Path(__file__).parents[1] / "fuzz" / "fuzz_model.py"
    run = subprocess.run(
        [sys.executable, fuzzer, "--seconds", "2", "--seed", "1"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert re.search(r"no finding in \d+ cases", run.stdout)


def test_limits_are_far_from_real_models() -> None:
    """Even 62 classes of letters at twice the size stay well below the largest file allowed."""
    assert file._LARGEST > 4 * 56 * 56 * 62 * 10
