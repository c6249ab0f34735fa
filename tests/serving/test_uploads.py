"""The ways in which clients send images to /read give the same reading."""

from __future__ import annotations

import base64
import io
import tracemalloc
import urllib.parse
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistry.data.dataset import DataSets
from mnistry.errors import InputError
from mnistry.serving import uploads
from mnistry.serving.errors import Refused
from mnistry.serving.uploads import from_body

FORM = {"content-type": "application/x-www-form-urlencoded"}


def png(image: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(255 - image).resize((100, 100)).save(out, "PNG")
    return out.getvalue()


def encoded(data: bytes, url: bool = True) -> str:
    text = base64.b64encode(data).decode()
    return f"data:image/png;base64,{text}" if url else text


def requests(image: bytes) -> dict[str, dict[str, Any]]:
    """Name the ways to send one image, as arguments of httpx."""
    plain, url = encoded(image, url=False), encoded(image)
    safe = base64.urlsafe_b64encode(image).decode().rstrip("=")
    lines = "\n".join(plain[i : i + 76] for i in range(0, len(plain), 76))
    return {
        "bytes": {"content": image},
        "bytes called a form": {"content": image, "headers": FORM},
        "bytes called text": {"content": image, "headers": {"content-type": "text/plain"}},
        "data URL": {"content": url, "headers": {"content-type": "text/plain"}},
        "data URL called a form": {"content": f"{url}\n", "headers": FORM},
        "data URL without a type": {"content": url},
        "base64": {"content": plain, "headers": {"content-type": "text/plain"}},
        "JSON, data URL": {"json": {"image": url}},
        "JSON, base64": {"json": {"image": plain}},
        "JSON, base64 in lines": {"json": {"image": lines}},
        "JSON, URL-safe base64": {"json": {"image": safe}},
        "JSON, a list": {"json": {"images": [url]}},
        "JSON called a form": {"content": f'{{"image": "{url}"}}', "headers": FORM},
        "form": {"data": {"image": url}},
        "form, another field": {"data": {"csrf": "x" * 20, "drawing": plain}},
        "form, not escaped": {"content": f"image={url}", "headers": FORM},
        "multipart, file": {"files": {"any": ("a.png", image)}},
        "multipart, field": {"files": {"image": (None, url), "csrf": (None, "abc")}},
    }


WAYS = list(requests(b""))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_send_an_image_is_read(
    client: httpx.Client, mnist: DataSets, way: str
) -> None:
    """Bytes, data URL or base64, in JSON or a form, whatever the content type claims."""
    response = client.post("/read", **requests(png(mnist.test.images[0]))[way])
    assert response.status_code == 200, response.text
    [reading] = response.json()["readings"]
    assert reading["text"] == "7"


def test_several_images_in_json_are_read_in_order(client: httpx.Client, mnist: DataSets) -> None:
    """A damaged image is an error in its place."""
    first, second = (png(image) for image in mnist.test.images[:2])
    images = [encoded(first), encoded(first[:60]), encoded(second, url=False)]
    readings = client.post("/read", json={"images": images}).json()["readings"]
    assert [one["picture"] for one in readings] == ["picture 1", "picture 2", "picture 3"]
    assert [one.get("text") for one in readings] == ["7", None, "2"]
    assert "damaged" in readings[1]["error"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ({"json": {"image": 5}}, 422, "must be base64 or a data URL"),
        ({"json": {"image": [[0] * 28] * 28}}, 422, "send framed pixels to /v2/models"),
        ({"json": {"image": "not base64!"}}, 422, "`image` is neither base64 nor a data URL"),
        ({"json": {"image": "data:image/svg+xml,<svg/>"}}, 422, "without `;base64`"),
        ({"json": {"image": ""}}, 422, "is empty"),
        ({"json": {"images": []}}, 422, "a list of 1 to 100 images"),
        ({"json": {"images": ["x"] * 101}}, 422, "a list of 1 to 100 images"),
        ({"content": "a=b", "headers": FORM}, 415, "holds no image, though its"),
        ({"content": "&".join(["a=b"] * 200), "headers": FORM}, 400, "at most 100 fields"),
        ({"content": "a=" + "%41" * 600_000, "headers": FORM}, 413, "too many escapes"),
        ({"files": {"a": (None, "b")}}, 400, "no file in it"),
    ],
)
def test_what_holds_no_image_gets_a_sentence(
    client: httpx.Client, sent: dict[str, Any], status: int, sentence: str
) -> None:
    """The error says what is expected."""
    response = client.post("/read", **sent)
    assert response.status_code == status
    assert sentence in response.json()["error"]


def test_escapes_in_a_form_are_decoded(client: httpx.Client, mnist: DataSets) -> None:
    """A data URL in which every character is escaped is read as well."""
    url = urllib.parse.quote(encoded(png(mnist.test.images[0])), safe="")
    response = client.post("/read", content=f"image={url}", headers=FORM)
    assert response.json()["readings"][0]["text"] == "7"


def test_form_that_is_not_ascii_takes_no_memory() -> None:
    """Such a body is rejected before the parser makes an object of each run of ASCII."""
    body = b"a=%41" + b"\xe9;" * 500_000
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match=r"holds no image, though its"):
            from_body(body, "application/x-www-form-urlencoded")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(body)


@pytest.mark.parametrize("text", ["data:image/png;base64,é", "data:image/png;base64,AAAA€"])
def test_text_that_is_not_ascii_is_refused_before_it_is_translated(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Translating some millions of other characters would hold up all other requests."""

    class Table(dict[int, str]):
        def __missing__(self, key: int) -> str:
            raise AssertionError(key)

    monkeypatch.setattr(uploads, "_TO_STANDARD", Table())
    with pytest.raises(InputError, match=r"`image` is neither base64 nor a data URL"):
        from_body(orjson.dumps({"image": text}), "application/json")
