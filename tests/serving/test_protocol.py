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


@pytest.mark.slow
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
    result = client.get_model_metadata(kind, "1")
    assert result["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert [output["name"] for output in result["outputs"]] == NAMES
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


@pytest.mark.slow
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


@pytest.mark.slow
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
        ({"inputs": [tensor(PAPER)], "outputs": [{"name": "x"}]}, "no output 'x'; it has logits"),
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
    """BOOL, as true and false, gives the same results as levels 0 and 255."""
    ink = mnist.test.images[:n] > 127
    found = [
        client.post(INFER, json={"inputs": [tensor(images, datatype=kind)]}).json()["outputs"]
        for images, kind in ((ink, "BOOL"), (ink * np.uint8(255), "UINT8"))
    ]
    assert found[0] == found[1]


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_triton_clients_get_configuration_and_statistics(
    url: str, client: httpx.Client, mnist: DataSets
) -> None:
    """Triton's client reads both, and the counts grow with the requests."""
    triton_client = triton.InferenceServerClient(url.removeprefix("http://"))
    config = triton_client.get_model_config("softmax")
    assert config["input"] == [{"name": "images", "data_type": "TYPE_UINT8", "dims": [28, 28]}]
    assert [output["name"] for output in config["output"]] == NAMES
    assert config["max_batch_size"] == 20_000
    [before] = triton_client.get_inference_statistics("softmax", "1")["model_stats"]
    for n in (1, 3, 600):
        assert client.post(
            "/v2/models/softmax/infer", json={"inputs": [tensor(mnist.test.images[:n])]}
        ).is_success
    assert client.post("/v2/models/softmax/infer", json={}).status_code == 400
    [after] = triton_client.get_inference_statistics("softmax")["model_stats"]
    assert after["inference_count"] - before["inference_count"] == 604
    assert 3 <= after["execution_count"] - before["execution_count"] <= 604
    assert after["last_inference"] >= before["last_inference"] > -1
    for step, count in (("success", 3), ("fail", 1), ("compute_infer", 3), ("compute_input", 3)):
        was, now = before["inference_stats"][step], after["inference_stats"][step]
        assert now["count"] - was["count"] == count
        assert now["ns"] > was["ns"]
    every = triton_client.get_inference_statistics()["model_stats"]
    assert {one["name"] for one in every} == {"convnet", "softmax"}
    assert client.get("/v2/models/nothing/config").status_code == 404
    assert client.get("/v2/models/nothing/stats").status_code == 404
    triton_client.close()


@pytest.mark.parametrize("binary", [True, False])
def test_classification_names_the_highest_classes(url: str, mnist: DataSets, binary: bool) -> None:
    """`class_count` of Triton's client gives `value:index:label`, the highest first."""
    images, model = mnist.test.images[:70], shipped_model()
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    given = triton.InferInput("images", list(images.shape), "UINT8")
    given.set_data_from_numpy(images)
    wanted = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
    found = client.infer("convnet", [given], outputs=[wanted]).as_numpy("probabilities")
    assert found.shape == (70, 3)
    p = model.predict_proba(images)
    for row, truth in zip(found, p, strict=True):
        result = [x.decode() if isinstance(x, bytes) else x for x in row]
        parts = [one.split(":") for one in result]
        assert [int(index) for _, index, _ in parts] == np.argsort(-truth)[:3].tolist()
        assert [label for _, _, label in parts] == [index for _, index, _ in parts]
        np.testing.assert_allclose([float(v) for v, _, _ in parts], -np.sort(-truth)[:3], atol=2e-5)
    client.close()


def test_classification_of_more_classes_than_there_are(client: httpx.Client) -> None:
    """All classes are returned, none for no images; outputs without classes are an error."""

    def ask(name: str, count: Any, images: Any = PAPER) -> httpx.Response:
        wanted = {"name": name, "parameters": {"classification": count}}
        return client.post(INFER, json={"inputs": [tensor(images)], "outputs": [wanted]})

    [output] = ask("logits", 99).json()["outputs"]
    assert (output["datatype"], output["shape"], len(output["data"])) == ("BYTES", [1, 10], 10)
    [output] = ask("logits", 3, np.zeros((0, 28, 28))).json()["outputs"]
    assert output["data"] == []
    for name, count, sentence in (
        ("typicality", 3, "'typicality' has one"),
        ("logits", 0, "from 1 on; got 0"),
        ("logits", "x", "from 1 on; got x"),
    ):
        response = ask(name, count)
        assert response.status_code == 400
        assert sentence in response.json()["error"]


PREDICT = "/v1/models/convnet:predict"


@pytest.mark.parametrize("n", [1, 100])
def test_the_first_protocol_of_kserve_is_spoken(
    client: httpx.Client, mnist: DataSets, n: int
) -> None:
    """Flat or in rows, as levels or as ink from 0 to 1: a list of probabilities for each image."""
    images = mnist.test.images[:n]
    truth = shipped_model().predict_proba(images)
    forms = [
        images.tolist(),
        images.reshape(n, 784).tolist(),
        (images / 255).tolist(),
        images.astype(float).tolist(),
        images[..., None].tolist(),
    ]
    for form in forms:
        response = client.post(PREDICT, json={"instances": form})
        assert response.status_code == 200, response.text
        assert response.json().keys() == {"predictions"}
        np.testing.assert_allclose(response.json()["predictions"], truth, atol=1e-5)
    assert client.get("/v1/models").json() == {"models": ["convnet", "softmax"]}
    assert client.get("/v1/models/convnet").json() == {"name": "convnet", "ready": True}
    assert client.get("/v1/models/nothing").status_code == 404
    assert client.post("/v1/models/nothing:predict", json={"instances": []}).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 400, "`instances` must be a list of images"),
        ({"instances": []}, 400, "`instances` must be a list of images"),
        ({"instances": [0] * 784}, 400, "each of 784 numbers"),
        ({"instances": [[0] * 783]}, 400, "got 783 numbers"),
        ({"instances": [[0.5] * 783] * 200}, 400, "got 156,600 numbers"),
        ({"instances": [{"b64": "aGk="}]}, 400, "send image files to /read"),
        ({"instances": [["a" * 50_000], *[[""]] * 5000]}, 400, "`instances` must be a list"),
        ({"instances": [[256] * 784]}, 400, "got 256 to 256"),
        ({"instances": [[-1] * 784]}, 400, "got -1 to -1"),
        ({"instances": [[1.5] * 784]}, 400, "whole numbers to 255; got 1.5"),
        ({"instances": "x"}, 400, "`instances` must be a list"),
        ({"instances": [{}] * 300_000}, 400, "at most 250,000 JSON values"),
    ],
)
def test_instances_that_are_no_images_get_a_sentence(
    client: httpx.Client, body: dict[str, Any], status: int, sentence: str
) -> None:
    """The error says what is expected and what was found."""
    response = client.post(PREDICT, json=body)
    assert response.status_code == status
    assert sentence in response.json()["error"]
