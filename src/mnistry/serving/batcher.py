"""Requests that arrive together are run together.

Nothing waits for company: what has arrived by the time that the loop comes round is one batch.
Alone, a request is answered at once; under load, more arrive while a batch runs, and the next one
is larger by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistry.runtime import run_options_of_large_runs

if TYPE_CHECKING:
    from mnistry.serving.desk import Desk

Images = NDArray[np.uint8]
Outputs = list[NDArray[np.float32]]

# A batch up to this runs in the loop itself: to a thread and back takes longer than a picture.
_QUICK = 64  # pictures
_CHUNK = 500  # pictures of a large request that are run at a time, so that they stay in the cache


class Batcher:
    """Runs one model's ONNX session for many requests.

    Parameters
    ----------
    session : an `onnxruntime.InferenceSession` that takes `images`, uint8 (n, h, w).

    Attributes
    ----------
    outputs : the graph's outputs: (name, whether it has a number for each class).
    typicality : which of them that is; None for a model that was not calibrated.
    batches, pictures : how many were run so far.
    """

    def __init__(self, session: Any) -> None:
        self.outputs = [(o.name, len(o.shape) == 2) for o in session.get_outputs()]
        self.batches = self.pictures = 0
        self._names = [name for name, _ in self.outputs]
        known = "typicality" in self._names
        self.typicality = self._names.index("typicality") if known else None
        self._run = session.run
        self._large = run_options_of_large_runs()
        self._waiting: list[tuple[Images, asyncio.Future[Outputs]]] = []

    async def run(self, images: Images, desk: Desk) -> Outputs:
        """Return all outputs for n images, in the order of `outputs`, float32 (n, …).

        Parameters
        ----------
        desk : the worker pool that runs large requests, chunk by chunk.
        """
        if len(images) > _QUICK:
            chunks = [images[i : i + _CHUNK] for i in range(0, len(images), _CHUNK)]
            parts = await desk.do_each(partial(self.run_now, chunk) for chunk in chunks)
            self.batches += len(chunks)
            self.pictures += len(images)
            return [np.concatenate(part) for part in zip(*parts, strict=True)]
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outputs] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((images, future))
        return await future

    def run_now(self, images: Images) -> Outputs:
        """Run one batch in the calling thread."""
        options = self._large if len(images) > _QUICK else None
        return list(self._run(self._names, {"images": images}, options))

    def _flush(self) -> None:
        """Run what is waiting, in batches of at most `_QUICK` pictures."""
        waiting, self._waiting = self._waiting, []
        batch: list[tuple[Images, asyncio.Future[Outputs]]] = []
        size = 0
        for images, future in waiting:
            if future.cancelled():
                continue
            if size + len(images) > _QUICK:
                self._run_batch(batch)
                batch, size = [], 0
            batch.append((images, future))
            size += len(images)
        self._run_batch(batch)

    def _run_batch(self, batch: Sequence[tuple[Images, asyncio.Future[Outputs]]]) -> None:
        if not batch:
            return
        try:
            together = batch[0][0] if len(batch) == 1 else np.concatenate([i for i, _ in batch])
            found = self.run_now(together)
        except Exception as error:  # noqa: BLE001 - it is each waiting request's to tell
            for _, future in batch:
                future.set_exception(error)
            return
        self.batches += 1
        self.pictures += len(together)
        start = 0
        for images, future in batch:
            rows = slice(start, start + len(images))
            start += len(images)
            future.set_result([one[rows] for one in found])
