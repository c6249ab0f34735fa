"""Calibration: p-values by their definition, and the same from the file as from Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistry.data.dataset import DataSet, DataSets
from mnistry.errors import InputError, ModelError
from mnistry.models.calibration import LEVELS, Calibration, doubt, levels, table
from mnistry.models.convnet import NINE_VIEWS, ConvNet, Member
from mnistry.models.file import load_model, save_model
from mnistry.models.network import Block, Network
from mnistry.models.softmax import SoftmaxRegression
from mnistry.probability.calibrate import calibrate


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_doubt_is_the_best_rival_less_ones_own(seed: int, k: int) -> None:
    """By its definition, ties included; negative for the one answer alone."""
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, (20, k)).astype(np.float32)
    found = doubt(z)
    for i in range(20):
        for c in range(k):
            assert found[i, c] == max(np.delete(z[i], c)) - z[i, c]
    assert ((found < 0).sum(axis=1) <= 1).all()


@given(st.lists(st.integers(0, LEVELS - 1), max_size=30))
def test_table_is_the_share_at_or_above(held_out: list[int]) -> None:
    """Each p-value by counting; they fall, and are never 0."""
    made = table(np.array(held_out, np.int64))
    for level in {0, 1, LEVELS - 1, *held_out}:
        counted = sum(one >= level for one in held_out)
        assert made[level] == np.float32((1 + counted) / (1 + len(held_out)))
    assert (np.diff(made) <= 0).all()
    assert made[0] == 1


def test_levels_are_steps_within_bounds() -> None:
    """Beyond the bounds there is one level at each end; infinities are there too."""
    x = np.array([-np.inf, -99, -16, -15.99, 0, 15.999, 16, 99, np.inf])
    assert levels(x).tolist() == [0, 0, 0, 1, 2048, 4095, 4095, 4095, 4095]


def few(mnist: DataSets) -> tuple[DataSet, DataSet]:
    return mnist.train.take(slice(600)), mnist.validation.take(slice(500))


def convnet(*, opened: bool, members: int = 1, views: Any = None) -> ConvNet:
    network = Network((28, 28), (Block(4, 5, 2), Block(6, 3, pool=2)), 10, open=opened)
    rng = np.random.default_rng(3)
    made = [
        Member(
            network,
            {
                name: (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
                for name, shape in network.arrays.items()
            },
        )
        for _ in range(members)
    ]
    return ConvNet(made, **({} if views is None else {"views": views}))


@pytest.fixture(params=["softmax", "convnet", "open", "ensemble", "open ensemble"])
def model(request: pytest.FixtureRequest, mnist: DataSets) -> SoftmaxRegression | ConvNet:
    learnt, held_out = few(mnist)
    made: SoftmaxRegression | ConvNet
    if request.param == "softmax":
        made = SoftmaxRegression(steps=50).fit(learnt.images, learnt.labels, classes=learnt.classes)
    elif "ensemble" in request.param:
        made = convnet(opened="open" in request.param, members=2, views=NINE_VIEWS)
    else:
        made = convnet(opened=request.param == "open")
    calibrate(made, learnt, held_out)
    return made


@pytest.mark.slow
def test_file_gives_the_same_p_values(
    mnist: DataSets, model: SoftmaxRegression | ConvNet, tmp_path: Path
) -> None:
    """Oracle: ONNX Runtime on the file, against the model in Python, before and after saving."""
    runtime = pytest.importorskip("onnxruntime")
    save_model(model, tmp_path / "m.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"), full_check=True)
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == ["logits", "probabilities", "p_values", "typicality"]
    images = mnist.test.images[:300]
    back = load_model(tmp_path / "m.onnx")
    logits, p, p_values, typicality = session.run(None, {"images": images})
    np.testing.assert_allclose(p, back.predict_proba(images), atol=1e-6)
    for one in (model, back):
        # Levels are steps: where a logit is on the edge of one, its last bit decides.
        assert np.abs(p_values - one.p_values(images)).max() <= 0.02
        assert (p_values == one.p_values(images).astype(np.float32)).mean() > 0.995
        assert np.abs(typicality - one.typicality(images)).max() <= 0.02
        assert (typicality == one.typicality(images).astype(np.float32)).mean() > 0.97
    np.testing.assert_allclose(logits, model.logits(images), atol=1e-4)
    assert back.calibration is not None
    assert model.calibration is not None
    assert back.calibration.to_dict() == model.calibration.to_dict()


@pytest.mark.slow
def test_held_out_pictures_are_uniform(mnist: DataSets, model: SoftmaxRegression | ConvNet) -> None:
    """The held-out pictures' own p-values are spread evenly, but for ties."""
    _, held_out = few(mnist)
    for p in (
        model.p_values(held_out.images)[np.arange(500), held_out.labels],
        model.typicality(held_out.images),
    ):
        for alpha in (0.01, 0.1, 0.5):
            assert (p <= alpha).mean() <= alpha
            assert (p <= alpha).mean() >= alpha - 0.1


def test_strangest_first_within_a_batch(mnist: DataSets) -> None:
    """An open network's strangeness is what it says for none, less its best class."""
    model = convnet(opened=True)
    images = mnist.test.images[:20]
    assert model.strangeness(images).shape == (20,)
    assert model.logits(images).shape == (20, 10)
    arrays = dict(model.members[0].arrays)
    arrays["biases"] = arrays["biases"] + np.array([0] * 10 + [5], np.float32)
    louder = ConvNet([Member(model.members[0].network, arrays)])
    moved = louder.strangeness(images) - model.strangeness(images)
    np.testing.assert_allclose(moved, 5, atol=1e-4)
    np.testing.assert_array_equal(louder.logits(images), model.logits(images))


def test_without_calibration_there_are_no_p_values(mnist: DataSets, tmp_path: Path) -> None:
    """One sentence, in Python; the file has the two plain outputs; nothing held out is no harm."""
    learnt, _ = few(mnist)
    model = SoftmaxRegression(steps=5).fit(learnt.images, learnt.labels, classes=learnt.classes)
    calibrate(model, learnt, learnt.take([]))
    for ask in (model.p_values, model.typicality, model.strangeness):
        with pytest.raises(ModelError, match=r"was not calibrated on held-out pictures"):
            ask(learnt.images)
    save_model(model, tmp_path / "m.onnx")
    assert len(onnx.load(tmp_path / "m.onnx").graph.output) == 2
    assert load_model(tmp_path / "m.onnx").calibration is None


def test_calibration_must_fit_the_model() -> None:
    """Another number of classes, or levels out of order or range, get one sentence."""
    nothing = np.zeros(0, np.int64)
    with pytest.raises(InputError, match=r"must be of 10 classes; got 3"):
        convnet(opened=True).promise(Calibration((nothing,) * 3, nothing))
    with pytest.raises(InputError, match=r"Levels must be sorted"):
        Calibration((np.array([3, 2]),), nothing)
    with pytest.raises(InputError, match=r"Levels must be from 0 to 4095"):
        Calibration((np.array([0, 4096]),), nothing)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"doubt": [[1]] * 9}, r"no list of levels for each class"),
        ({"doubt": 7}, r"no list of levels for each class"),
        ({"strange": [5000]}, r"levels from 0 to 4095"),
        ({"strange": [3, 1]}, r"sorted"),
        ({"strange": None}, r"levels from 0 to 4095"),
        ({"gaussian": [784, 0]}, r"its Gaussian is of size"),
        ({"gaussian": None}, r"nothing to tell strange pictures by"),
        ({"strange": [1, 2]}, r"does not hold the graph"),
    ],
)
def test_damaged_calibration_is_refused(
    mnist: DataSets, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    """Metadata that lie, or don't fit the tables in the graph, get one sentence."""
    learnt, held_out = few(mnist)
    model = SoftmaxRegression(steps=5).fit(learnt.images, learnt.labels, classes=learnt.classes)
    calibrate(model, learnt, held_out)
    save_model(model, tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    [prop] = proto.metadata_props
    facts = json.loads(prop.value)
    facts["calibration"] |= change
    prop.value = json.dumps(facts)
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=sentence):
        load_model(tmp_path / "m.onnx")


@pytest.mark.slow
def test_file_needs_nothing_of_ours(mnist: DataSets, tmp_path: Path) -> None:
    """A program with ONNX Runtime alone gets sets for any alpha out of the file."""
    pytest.importorskip("onnxruntime")
    learnt, held_out = few(mnist)
    model = SoftmaxRegression(steps=50).fit(learnt.images, learnt.labels, classes=learnt.classes)
    calibrate(model, learnt, held_out)
    save_model(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", mnist.test.images[:50])
    program = (
        "import numpy as np, onnxruntime as o, sys; s = o.InferenceSession('m.onnx');"
        "[p] = s.run(['p_values'], {'images': np.load('x.npy')}); print((p > 0.1).sum());"
        "assert not any('mnistry' in m for m in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(run.stdout) == (model.p_values(mnist.test.images[:50]) > 0.1).sum()
    assert run.stderr == ""
