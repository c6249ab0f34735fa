"""The Open Inference Protocol's tensors, in JSON or as bytes, <-> arrays.

The REST protocol of KServe v2, and its binary tensor extension, in which a tensor's bytes follow
the JSON and the header ``Inference-Header-Content-Length`` says where they begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from mnistry.serving.errors import Refused
from mnistry.serving.numbers import LIFTED, lift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistry.serving.store import Served

MOST_PICTURES = 20_000
_MOST_DIGITS = 20  # of a number of bytes; Python refuses to read thousands of them
HEADER = "inference-header-content-length"
_DATATYPES = {
    "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request to infer: the pictures, uint8 (n, h, w), and what to answer with.

    Attributes
    ----------
    outputs : for each output wanted, its number among the model's, and whether as bytes.
    """

    id: str | None
    images: NDArray[np.uint8]
    outputs: list[tuple[int, bool]]


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
    """Read a JSON object.

    Raises
    ------
    Refused : 400, it is none.
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {str(error)[:200]}.") from None
    if not isinstance(told, dict):
        raise Refused(400, "The body must be a JSON object.")
    return told


def _images(tensor: dict[str, Any], rest: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    h, w = size
    if tensor.get("name") != "images":
        raise Refused(400, f"The input is called `images`; got {str(tensor.get('name'))[:100]!r}.")
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if not isinstance(datatype, str) or datatype not in _DATATYPES:
        raise Refused(400, f"`datatype` must be UINT8 or another number; got {str(datatype)[:40]}.")
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
        raise Refused(400, "Bytes follow the JSON, but `binary_data_size` is not told.")
    else:
        array = _numbers(tensor.get("data"), dtype, numbers)
    return _levels(array).reshape(n, h, w)


def _numbers(data: Any, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Turn JSON's numbers, flat or nested, into `count` of a type."""
    if not isinstance(data, list | np.ndarray):
        raise Refused(400, "`data` must be a list of numbers.")
    try:
        if dtype == np.uint8 and isinstance(data, np.ndarray):
            array: NDArray[Any] = data
        elif dtype == np.uint8 and not (data and isinstance(data[0], list)):
            array = np.frombuffer(bytes(data), np.uint8)
        else:
            array = np.array(data).ravel()
            if array.dtype.kind not in "iufb" and array.size:
                raise ValueError
            if dtype.kind in "iu" and array.size:
                limits = np.iinfo(dtype)
                if array.dtype.kind == "f" or array.min() < limits.min or array.max() > limits.max:
                    raise ValueError
            with np.errstate(over="ignore"):  # infinity is refused as a level
                array = array.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        raise Refused(400, f"`data` must be numbers of its `datatype`, {dtype.name}.") from None
    if len(array) != count:
        raise Refused(400, f"`data` must be {count:,} numbers by its `shape`; got {len(array):,}.")
    return array


def _levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Bring numbers to levels: ints are 0..255, floats 0..1; 0 is paper."""
    if array.dtype == np.uint8 or array.size == 0:
        return np.asarray(array, np.uint8)
    low, high = array.min(), array.max()
    most = 1 if array.dtype.kind == "f" else 255
    if not (low >= 0 and high <= most):  # also refuses NaN
        raise Refused(
            400, f"Pixels must be from 0, paper, to {most}, ink; got {low:g} to {high:g}."
        )
    scaled = np.rint(array * 255) if most == 1 else array
    return np.asarray(scaled, np.uint8)


def _wanted(told: dict[str, Any], served: Served) -> list[tuple[int, bool]]:
    """Give which outputs are asked for, all unless some are named."""
    names = [name for name, _ in served.batcher.outputs]
    binary = _flag(told.get("parameters"), "binary_data_output")
    asked = told.get("outputs")
    if asked is None or asked == []:
        return [(i, binary) for i in range(len(names))]
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise Refused(400, "`outputs` must be a list of tensors by name.")
    wanted: dict[int, bool] = {}
    for one in asked:
        if one.get("name") not in names:
            raise Refused(
                400,
                f"The model has no output {str(one.get('name'))[:100]!r}, but {', '.join(names)}.",
            )
        i = names.index(one["name"])
        if i in wanted:  # each would be made and sent as often as it is named
            raise Refused(400, f"`outputs` names {names[i]!r} more than once; name it once.")
        wanted[i] = _flag(one.get("parameters"), "binary_data", binary)
    return list(wanted.items())


def _flag(parameters: Any, name: str, default: bool = False) -> bool:
    return bool(parameters.get(name, default)) if isinstance(parameters, dict) else default


def answer(
    asked: Asked, served: Served, found: list[NDArray[np.float32]]
) -> tuple[bytes, dict[str, str]]:
    """Give a response's body and the headers that tell what it is."""
    outputs, parts = [], []
    for i, binary in asked.outputs:
        array = np.ascontiguousarray(found[i], "<f4")
        tensor: dict[str, Any] = {
            "name": served.batcher.outputs[i][0], "datatype": "FP32", "shape": list(array.shape),
        }  # fmt: skip
        if binary:
            tensor["parameters"] = {"binary_data_size": array.nbytes}
            parts.append(array.tobytes())
        else:
            tensor["data"] = array.ravel()
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
