"""The Open Inference Protocol's tensors, in JSON or as bytes, <-> arrays.

The REST protocol of KServe v2, and its binary tensor extension, in which a tensor's bytes follow
the JSON and the header ``Inference-Header-Content-Length`` says where they begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mnistry.errors import printable
from mnistry.serving.errors import Refused
from mnistry.serving.numbers import LIFTED, NumberText, flatten, lift, to_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.serving.store import Served

MOST_PICTURES = 20_000
# An empty object takes 3 bytes of JSON and 64 bytes of memory, and a parser holds the
# interpreter's lock while it makes them.
_MOST_VALUES = 250_000
_SCANNED = 2**20  # bytes looked through at a time, between which other threads can run
_MOST_DIGITS = 20  # of a number of bytes; Python refuses to read thousands of them
HEADER = "inference-header-content-length"
_DATATYPES = {
    "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BOOL": np.bool_,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request to infer: the images, uint8 (n, h, w), and the requested outputs.

    Attributes
    ----------
    outputs : the requested ones.
    """

    id: str | None
    images: NDArray[np.uint8]
    outputs: list[Wanted]


@dataclass(frozen=True)
class Wanted:
    """A requested output.

    Attributes
    ----------
    index : among the model's outputs. binary : as bytes behind the JSON.
    classification : how many of the highest classes to name in place of all numbers; 0 for none.
    """

    index: int
    binary: bool
    classification: int = 0


def parse(body: bytes, header_length: str | None, served: Served) -> Asked:
    """Understand a request's body.

    Parameters
    ----------
    header_length : the header that says how much of the body is JSON; None for all of it.

    Raises
    ------
    Refused : 400, with what is wrong.
    """
    size = len(body)
    if header_length is not None:
        digits = header_length if header_length.isascii() and header_length.isdigit() else ""
        if not 0 < len(digits) <= _MOST_DIGITS or int(digits) > size:
            raise Refused(
                400, f"Inference-Header-Content-Length must be a number of bytes up to {size}."
            )
        size = int(digits)
    text, numbers = lift(body[:size] if size < len(body) else body)
    told = load_json(text)
    request_id = told.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise Refused(400, "`id` must be a string.")
    inputs = told.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refused(400, "`inputs` must be a list of one tensor, `images`.")
    if numbers is not None and inputs[0].get("data") == LIFTED:
        inputs[0]["data"] = numbers
    images = _images(inputs[0], body[size:] if size < len(body) else b"", served.model.shape)
    return Asked(request_id, images, _wanted(told, served))


def load_json(body: bytes) -> dict[str, Any]:
    """Parse a JSON object of at most a quarter of a million values.

    Raises
    ------
    Refused : 400, it is not JSON, not an object, or has more values.
    """
    if len(body) > _MOST_VALUES and _has_more(body, _MOST_VALUES):
        raise Refused(
            400,
            f"The body may have at most {_MOST_VALUES:,} JSON values besides the numbers of "
            "`data`; send fewer at once.",
        )
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {str(error)[:200]}.") from None
    if not isinstance(told, dict):
        raise Refused(400, "The body must be a JSON object.")
    return told


def _has_more(body: bytes, most: int) -> bool:
    """Return whether a JSON text has more values than `most`, by its commas and brackets.

    Those within strings count too, of which no request needs many.
    """
    count = 0
    for start in range(0, len(body), _SCANNED):
        stop = start + _SCANNED
        count += sum(body.count(mark, start, stop) for mark in (b",", b"[", b"{"))
        if count > most:
            return True
    return False


def _images(tensor: dict[str, Any], rest: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    h, w = size
    if tensor.get("name") != "images":
        raise Refused(400, f"The input is called `images`; got {str(tensor.get('name'))[:100]!r}.")
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if not isinstance(datatype, str) or datatype not in _DATATYPES:
        raise Refused(
            400, f"`datatype` must be one of {', '.join(_DATATYPES)}; got {str(datatype)[:40]}."
        )
    dtype = np.dtype(_DATATYPES[datatype]).newbyteorder("<")
    if (
        not isinstance(shape, list)
        or not all(type(side) is int and side >= 0 for side in shape)
        or shape[1:] not in ([h, w], [h * w], [1, h, w], [h, w, 1])
    ):
        raise Refused(400, f"`shape` must be [n, {h}, {w}]; got {str(shape)[:100]}.")
    n = shape[0]
    if n > MOST_PICTURES:
        raise Refused(
            413, f"There may be at most {MOST_PICTURES:,} pictures in a request; got {n:,}."
        )
    numbers = n * h * w
    parameters = tensor.get("parameters")
    told = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if told is not None:
        if told != numbers * dtype.itemsize or len(rest) != told:
            raise Refused(
                400,
                f"{n} pictures of {datatype} take {numbers * dtype.itemsize:,} bytes; "
                f"`binary_data_size` says {str(told)[:20]}, and {len(rest):,} came.",
            )
        array = np.frombuffer(rest, dtype)
    elif rest:
        raise Refused(400, "Bytes follow the JSON, but `binary_data_size` is missing.")
    else:
        array = _numbers(tensor.get("data"), dtype, numbers)
    return _levels(array).reshape(n, h, w)


def _numbers(data: Any, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Convert JSON's numbers, flat or nested, to `count` of a type."""
    if not isinstance(data, list | NumberText):
        raise Refused(400, "`data` must be a list of numbers.")
    try:
        if isinstance(data, NumberText):
            array = data.parse(dtype, count)
        else:
            array = to_array(flatten(data), dtype)
    except ValueError:
        raise Refused(400, f"`data` must be numbers of its `datatype`, {dtype.name}.") from None
    if len(array) != count:
        more = " or more" if isinstance(data, NumberText) and len(array) > count else ""
        raise Refused(
            400, f"`data` must be {count:,} numbers by its `shape`; got {len(array):,}{more}."
        )
    return array


def _levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert numbers to levels: ints are 0..255, floats 0..1, true is ink; 0 is paper."""
    if array.dtype == np.uint8 or array.size == 0:
        return np.asarray(array, np.uint8)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.float16:  # float16 can't hold 255 times a level exactly
        array = array.astype(np.float32)
    low, high = array.min(), array.max()
    most = 1 if array.dtype.kind == "f" else 255
    if not (low >= 0 and high <= most):  # also refuses NaN
        raise Refused(
            400, f"Pixels must be from 0, paper, to {most}, ink; got {low:g} to {high:g}."
        )
    scaled = np.rint(array * 255) if most == 1 else array
    return np.asarray(scaled, np.uint8)


def _wanted(request: dict[str, Any], served: Served) -> list[Wanted]:
    """Return the requested outputs, which are all if none are named."""
    names = [name for name, _ in served.batcher.outputs]
    binary = _flag(request.get("parameters"), "binary_data_output")
    outputs = request.get("outputs")
    if outputs is None or outputs == []:
        return [Wanted(i, binary) for i in range(len(names))]
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise Refused(400, "`outputs` must be a list of tensors by name.")
    wanted: dict[int, Wanted] = {}
    for output in outputs:
        if output.get("name") not in names:
            raise Refused(
                400,
                f"The model has no output {str(output.get('name'))[:100]!r}; "
                f"it has {', '.join(names)}.",
            )
        i = names.index(output["name"])
        if i in wanted:  # each would be made and sent as often as it is named
            raise Refused(400, f"`outputs` names {names[i]!r} more than once; name it once.")
        parameters = output.get("parameters")
        as_bytes = _flag(parameters, "binary_data", binary)
        wanted[i] = Wanted(i, as_bytes, _classification(parameters, *served.batcher.outputs[i]))
    return list(wanted.values())


def _classification(parameters: Any, name: str, has_classes: bool) -> int:
    """Return how many classes an output's parameters ask for; 0 where they ask for none."""
    count = parameters.get("classification") if isinstance(parameters, dict) else None
    if count is None:
        return 0
    if type(count) is not int or count < 1:
        raise Refused(
            400, f"`classification` must be a number of classes from 1 on; got {str(count)[:40]}."
        )
    if not has_classes:
        raise Refused(400, f"`classification` needs a number for each class; {name!r} has one.")
    return count


def _flag(parameters: Any, name: str, default: bool = False) -> bool:
    return bool(parameters.get(name, default)) if isinstance(parameters, dict) else default


def answer(
    asked: Asked, served: Served, found: list[NDArray[np.float32]]
) -> tuple[bytes, dict[str, str]]:
    """Give a response's body and the headers that tell what it is."""
    outputs, parts = [], []
    for wanted in asked.outputs:
        array = np.ascontiguousarray(found[wanted.index], "<f4")
        tensor: dict[str, Any] = {"name": served.batcher.outputs[wanted.index][0]}
        if wanted.classification:
            named = _highest(array, served.model.classes, wanted.classification)
            tensor |= {"datatype": "BYTES", "shape": [len(array), len(named) // max(len(array), 1)]}
            raw = _length_prefixed(named) if wanted.binary else b""
            tensor["data"] = named
        else:
            tensor |= {"datatype": "FP32", "shape": list(array.shape)}
            raw = array.tobytes() if wanted.binary else b""
            tensor["data"] = array.ravel()
        if wanted.binary:
            del tensor["data"]
            tensor["parameters"] = {"binary_data_size": len(raw)}
            parts.append(raw)
        outputs.append(tensor)
    told: dict[str, Any] = {"model_name": served.name, "model_version": served.version}
    if asked.id is not None:
        told["id"] = asked.id
    told["outputs"] = outputs
    head = orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
    if not parts:
        return head, {"content-type": "application/json"}
    return b"".join([head, *parts]), {
        "content-type": "application/octet-stream",
        HEADER: str(len(head)),
    }


def _highest(array: NDArray[np.float32], classes: tuple[str, ...], count: int) -> list[str]:
    """Return the highest of each row as Triton writes them, ``value:index:label``, flat."""
    order = np.argsort(-array, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(array, order, axis=1)
    labels = [printable(name, 100) for name in classes]
    return [
        f"{value:f}:{index}:{labels[index]}"
        for value, index in zip(values.ravel().tolist(), order.ravel().tolist(), strict=True)
    ]


def _length_prefixed(strings: list[str]) -> bytes:
    """Return strings as a BYTES tensor: each behind its length, four bytes, little-endian."""
    encoded = [string.encode() for string in strings]
    return b"".join(len(one).to_bytes(4, "little") + one for one in encoded)


def parse_instances(body: bytes, served: Served) -> Asked:
    """Parse a body of KServe's V1 protocol: ``{"instances": [image, …]}``.

    Numbers have no type there. If none is above 1, they are ink from 0 to 1, else levels from
    0 to 255.

    Raises
    ------
    Refused : 400, with what is wrong.
    """
    h, w = served.model.shape
    text, numbers = lift(body)
    request = load_json(text)
    instances: Any = request.get("instances")
    if numbers is not None and instances == LIFTED:
        instances = numbers
    sentence = (
        f"`instances` must be a list of images, each of {h * w} numbers, flat or in {h} rows of {w}"
    )
    if not isinstance(instances, list | NumberText) or instances == []:
        raise Refused(400, f"{sentence}.")
    most = MOST_PICTURES * h * w
    try:
        if isinstance(instances, NumberText):
            array = instances.parse(np.dtype(np.float32), most)
            n = len(array) // (h * w)
        else:
            array = to_array(flatten(instances), np.dtype(np.float32))
            n = len(instances)
    except ValueError:
        raise Refused(400, f"{sentence}; send image files to /read.") from None
    if len(array) > most:
        raise Refused(413, f"There may be at most {MOST_PICTURES:,} images in a request.")
    if n == 0 or len(array) != n * h * w:
        raise Refused(400, f"{sentence}; got {len(array):,} numbers.")
    low, high = array.min(), array.max()
    is_level = bool(high > 1)
    if not (low >= 0 and high <= 255) or (is_level and (array != np.rint(array)).any()):
        raise Refused(
            400,
            "Pixels must be from 0, paper, to 1, ink, or whole numbers to 255; "
            f"got {low:g} to {high:g}.",
        )
    levels = array if is_level else np.rint(array * 255)
    return Asked(None, levels.astype(np.uint8).reshape(n, h, w), [])


def predictions(
    _: Asked, served: Served, found: list[NDArray[np.float32]]
) -> tuple[bytes, dict[str, str]]:
    """Return each image's probabilities in the form of KServe's V1 protocol."""
    names = [name for name, _ in served.batcher.outputs]
    answer = {"predictions": np.ascontiguousarray(found[names.index("probabilities")])}
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return body, {"content-type": "application/json"}
