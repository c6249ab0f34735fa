"""The embedded MNIST: four files in the package, their raw bytes checked whenever they are read."""

from __future__ import annotations

import hashlib
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from mnistry.data.dataset import DataSet
from mnistry.data.family import FAMILY, KEYS, locate
from mnistry.data.idx import read_idx
from mnistry.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load_embedded_mnist() -> tuple[DataSet, DataSet]:
    """Give MNIST's 60,000 training and 10,000 test pictures: (train, test).

    The bytes are the originals: the SHA-256 of each raw file has been compared. Takes about as
    long as inflating the training pictures, for a second thread does all else.

    Raises
    ------
    DataError : a file of the installed package is damaged.
    """
    member = FAMILY["mnist"]
    paths = locate("mnist")
    arrays: dict[str, NDArray[Any]] = {}
    digests = {key: hashlib.sha256() for key in KEYS}
    failures: list[Exception] = []
    first, *others = KEYS
    raw: SimpleQueue[bytes | memoryview | None] = SimpleQueue()

    def aside() -> None:
        try:
            for key in others:
                arrays[key] = read_idx(paths[key], tap=digests[key].update)
            while (piece := raw.get()) is not None:
                digests[first].update(piece)
        except Exception as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    helper = Thread(target=aside)
    helper.start()
    try:
        arrays[first] = read_idx(paths[first], tap=raw.put)
    except DataError as error:
        failures.append(error)
    finally:
        raw.put(None)
        helper.join()
    for failure in failures:
        raise _damaged(str(failure)) if isinstance(failure, DataError) else failure
    for key in KEYS:
        if digests[key].hexdigest() != member.files[key].raw_sha256:
            raise _damaged(f"{str(paths[key])!r} is not MNIST's {member.files[key].name}.")
    train_images, train_labels, test_images, test_labels = (arrays[key] for key in KEYS)
    return (
        DataSet(train_images, train_labels, member.classes),
        DataSet(test_images, test_labels, member.classes),
    )


def _damaged(why: str) -> DataError:
    return DataError(
        f"The embedded MNIST is damaged: {why} "
        "Install mnistry again from where it came, such as its clone."
    )
