"""The Open Inference Protocol, by a client library of it and by hand."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from mnistry.data.dataset import DataSets
from mnistry.models.file import shipped_model

INFER = "/v2/models/convnet/infer"
NAMES = ["logits", "probabilities", "p_values", "typicality"]


def tensor(images: Any, **other: Any) -> dict[str, Any]:
    data = np.asarray(images)
    return {
        "name": "images", "datatype": "UINT8", "shape": list(data.shape),
        "data": data.ravel().tolist(), **other,
    }  # fmt: skip


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("kind", ["convnet", "softmax"])
def test_a_client_library_works_unchanged(
    url: str, mnist: DataSets, kind: str, binary: bool
) -> None:
    """NVIDIA's client finds the server live, its model described, and our own answers."""
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(kind)
    assert client.is_model_ready(kind, "1")
    assert not client.is_model_ready("nothing")
    assert client.get_server_metadata()["name"] == "mnistry"
    told = client.get_model_metadata(kind, "1")
    assert told["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert [output["name"] for output in told["outputs"]] == NAMES
    assert {"name": kind, "version": "1", "state": "READY", "reason": ""} in (
        client.get_model_repository_index()
    )
    images, model = mnist.test.images[:300], shipped_model(kind)
    given = triton.InferInput("images", list(images.shape), "UINT8")
    given.set_data_from_numpy(images, binary_data=binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in NAMES]
    found = client.infer(kind, [given], outputs=wanted, request_id="mine")
    assert found.get_response()["id"] == "mine"
    assert found.get_response()["model_version"] == "1"
    np.testing.assert_allclose(
        found.as_numpy("probabilities"), model.predict_proba(images), atol=1e-5
    )
    np.testing.assert_allclose(found.as_numpy("p_values"), model.p_values(images), atol=1e-3)
    np.testing.assert_allclose(found.as_numpy("typicality"), model.typicality(images), atol=1e-3)
    plain = client.infer(kind, [given])
    np.testing.assert_array_equal(
        plain.as_numpy("logits").argmax(axis=1), model.logits(images).argmax(axis=1)
    )
    for coding in ("gzip", "deflate"):
        packed = client.infer(kind, [given], request_compression_algorithm=coding)
        np.testing.assert_array_equal(packed.as_numpy("logits"), plain.as_numpy("logits"))
    with pytest.raises(InferenceServerException, match="no model 'nothing'"):
        client.infer("nothing", [given])
    client.close()


@pytest.mark.parametrize("n", [3, 100])  # of many, the numbers are read another way
def test_any_number_in_any_form_is_the_same_picture(
    client: httpx.Client, mnist: DataSets, n: int
) -> None:
    """Flat or nested, as bytes, ints or floats in [0, 1]: the same probabilities."""
    images = mnist.test.images[:n]
    forms = [
        tensor(images),
        tensor(images, data=images.tolist()),
        tensor(images, shape=[n, 784]),
        tensor(images, datatype="INT64"),
        tensor(images, datatype="FP32", data=(images / 255).ravel().tolist()),
        tensor(images, datatype="FP64", data=(images / 255).tolist()),
        tensor(images, datatype="FP16", data=(images / 255).ravel().tolist()),
    ]
    found = []
    for form in forms:
        asked = {"inputs": [form], "outputs": [{"name": "probabilities"}]}
        response = client.post(INFER, json=asked)
        assert response.status_code == 200, response.text
        [output] = response.json()["outputs"]
        assert (output["name"], output["shape"]) == ("probabilities", [n, 10])
        found.append(output["data"])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-6)
    np.testing.assert_allclose(
        np.reshape(found[0], (n, 10)), shipped_model().predict_proba(images), atol=1e-5
    )


PAPER = np.zeros((1, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The body is not JSON"),
        (b"[]", "must be a JSON object"),
        ({}, "`inputs` must be a list of one tensor"),
        ({"inputs": [tensor(PAPER, name="x")]}, "The input is called `images`; got 'x'"),
        (
            {"inputs": [tensor(PAPER, datatype="BYTES")]},
            "`datatype` must be one of UINT8, .* got BYTES",
        ),
        ({"inputs": [tensor(PAPER, shape=[1, 14, 56])]}, r"`shape` must be \[n, 28, 28\]; got"),
        ({"inputs": [tensor(PAPER, shape=[-1, 28, 28])]}, "`shape` must be"),
        ({"inputs": [tensor(PAPER, shape=[2, 28, 28])]}, "must be 1,568 numbers .* got 784"),
        ({"inputs": [tensor(PAPER, data="x")]}, "`data` must be a list of numbers"),
        ({"inputs": [tensor(PAPER, data=[256] * 784)]}, "numbers of its `datatype`, uint8"),
        ({"inputs": [tensor(PAPER, data=[255] * 78_400)]}, "must be 784 numbers .* got 78,400"),
        ({"inputs": [tensor(PAPER, data=[256] * 78_400)]}, "numbers of its `datatype`, uint8"),
        (
            {"inputs": [tensor(PAPER, datatype="INT8", data=[128] * 78_400)]},
            "numbers of its `datatype`, int8",
        ),
        ({"inputs": [tensor(PAPER, data=[0.5] * 784)]}, "numbers of its `datatype`, uint8"),
        ({"inputs": [tensor(PAPER, data=[[0], [0, 1]])]}, "numbers of its `datatype`"),
        (
            {"inputs": [tensor(PAPER, datatype="FP32", data=[2] * 784)]},
            "from 0, paper, to 1, ink; got 2 to 2",
        ),
        (
            {"inputs": [tensor(PAPER, datatype="INT32", data=[-1] * 784)]},
            "from 0, paper, to 255, ink; got -1",
        ),
        ({"inputs": [tensor(PAPER)], "outputs": [{"name": "x"}]}, "no output 'x', but logits, pr"),
        (
            {"inputs": [tensor(PAPER)], "outputs": [{"name": "logits"}] * 1500},
            "`outputs` names 'logits' more than once; name it once",
        ),
        ({"inputs": [tensor(PAPER)], "id": 5}, "`id` must be a string"),
        (
            {"inputs": [tensor(PAPER, parameters={"binary_data_size": 784})]},
            "take 784 bytes; `binary_data_size` says 784, and 0 came",
        ),
    ],
)
def test_what_is_no_request_gets_a_sentence(client: httpx.Client, body: Any, sentence: str) -> None:
    """Status 400, and what is wrong."""
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    response = client.post(INFER, **sent)
    assert response.status_code == 400
    assert httpx.Response(200, content=response.content).json().keys() == {"error"}
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(response.json()["error"])


@pytest.mark.parametrize("n", [1, 100])
def test_booleans_are_ink_and_paper(client: httpx.Client, mnist: DataSets, n: int) -> None:
    """BOOL, as true and false, gives the answers of the same images in levels 0 and 255."""
    ink = mnist.test.images[:n] > 127
    found = [
        client.post(INFER, json={"inputs": [tensor(images, datatype=kind)]}).json()["outputs"]
        for images, kind in ((ink, "BOOL"), (ink * np.uint8(255), "UINT8"))
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (["a" * 50_000] + [""] * 5000, "numbers of its `datatype`, float32"),
        ([["a" * 20_000], *[[""]] * 2000], "numbers of its `datatype`, float32"),
        ([[[[[0.5]]]]] * 784, "numbers of its `datatype`, float32"),
        ([None] * 784, "numbers of its `datatype`, float32"),
        ([{}] * 784, "numbers of its `datatype`, float32"),
        ([{}] * 300_000, "at most 250,000 JSON values"),
        ([0.5, "a"] * 200_000, "at most 250,000 JSON values"),
        ([[0.5] * 784, 0.5] * 200, "784 numbers by its `shape`; got .* or more"),
        ([0.5] * 1_000_000, "784 numbers by its `shape`; got .* or more"),
        (["9" * 1000] * 100, "numbers of its `datatype`, float32"),
    ],
)
def test_only_numbers_become_arrays(client: httpx.Client, data: Any, sentence: str) -> None:
    """Strings, objects and too many values get status 400, however they are nested."""
    body = {"inputs": [tensor(PAPER, datatype="FP32", data=data)]}
    response = client.post(INFER, json=body)
    assert response.status_code == 400
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(response.json()["error"])


def test_a_value_bomb_takes_little_memory(serve: Any, tmp_path: Path) -> None:
    """Millions of `{}` in 61 KB of gzip, and a long string among short ones, stay under 400 MB."""
    objects = b'{"inputs":[' + b"{}," * (20 * 2**20) + b"{}]}"
    strings = {"inputs": [tensor(PAPER, datatype="FP32", data=["a" * 200_000] + [""] * 5000)]}
    with serve(tmp_path) as (url, process):
        status = Path(f"/proc/{process.pid}/status")
        packed = gzip.compress(objects, 1)
        coding = {"content-encoding": "gzip"}
        for _ in range(2):
            assert httpx.post(url + INFER, content=packed, headers=coding).status_code == 400
            assert httpx.post(url + INFER, json=strings).status_code == 400
        most = int(status.read_text().partition("VmHWM:")[2].split()[0])
    assert most < 400_000  # kB


def test_no_pictures_are_answered_with_none(client: httpx.Client) -> None:
    """A batch of nothing is a batch."""
    asked = {"inputs": [tensor(np.zeros((0, 28, 28)))]}
    response = client.post(INFER, json=asked)
    assert response.status_code == 200
    assert [o["shape"] for o in response.json()["outputs"]] == [[0, 10]] * 3 + [[0]]


def test_header_of_a_wrong_length_is_refused(client: httpx.Client) -> None:
    """A length beyond the body, or none at all, is told."""
    for length in ("99", "x", "-1", "9" * 5000):
        response = client.post(
            INFER, content=b"{}", headers={"Inference-Header-Content-Length": length}
        )
        assert response.status_code == 400
        assert "must be a number of bytes up to 2" in response.json()["error"]


def test_many_pictures_are_refused_before_they_are_made(client: httpx.Client) -> None:
    """A shape that claims a billion pictures takes no memory."""
    response = client.post(INFER, json={"inputs": [tensor(PAPER, shape=[10**9, 28, 28])]})
    assert response.status_code == 413
    assert "at most 20,000 pictures" in response.json()["error"]


def test_floats_are_read_as_bytes_too(client: httpx.Client, mnist: DataSets) -> None:
    """FP32 in the binary extension is little-endian, as the protocol says."""
    image = mnist.test.images[0] / np.float32(255)
    raw = struct.pack("<784f", *image.ravel())
    head = (
        b'{"inputs":[{"name":"images","datatype":"FP32","shape":[1,28,28],'
        b'"parameters":{"binary_data_size":3136}}]}'
    )
    response = client.post(
        INFER, content=head + raw, headers={"Inference-Header-Content-Length": str(len(head))}
    )
    outputs = {o["name"]: o["data"] for o in response.json()["outputs"]}
    assert int(np.argmax(outputs["probabilities"])) == 7
