"""Small sums among the ranks of one machine, over sockets between each two of them.

Normalisation asks twice a layer and step for a few hundred numbers of the other ranks, and each
step for the slopes of all weights. Gloo's way there, over threads of its own, takes a third of a
millisecond where the cores are busy; a socket's takes a hundredth.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

# Seconds to look for an answer before sleeping until it comes: a core that has slept takes longer
# to wake than the answer takes to come. Whoever else wants the core gets it all the same.
_AWAKE = 1e-3
_PIECE = 2**15  # bytes, which a socket holds for a rank that has not come to them yet
_LARGEST = 2**21  # bytes; for more, gloo is as good


class Lost(RuntimeError):  # noqa: N818 - the rank is
    """Another rank is gone, so that no sum can be finished."""


class Wire:
    """Sockets from this rank to each other one.

    Parameters
    ----------
    number, count : of this rank, of all. tell : gives what every rank says, by rank.
    patience : seconds to wait for another rank.
    """

    def __init__(
        self, number: int, count: int, tell: Callable[[str], list[str]], patience: float
    ) -> None:
        self._number, self._peers = number, dict[int, socket.socket]()
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:
            door.bind(str(Path(folder) / "rank"))
            door.listen(count)
            doors = tell(str(Path(folder) / "rank"))
            for other in range(number):
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(doors[other])
                peer.sendall(bytes([number]))
                self._peers[other] = peer
            for _ in range(number + 1, count):
                peer, _ = door.accept()
                self._peers[peer.recv(1)[0]] = peer
            tell("")  # all have come in: the folder may go
        self._patience = patience
        for peer in self._peers.values():
            peer.settimeout(patience)

    def takes(self, tensor: Tensor) -> bool:
        """Say whether a tensor can go this way."""
        return bool(tensor.device.type == "cpu" and tensor.nbytes <= _LARGEST)

    def add(self, tensor: Tensor) -> None:
        """Add up what the ranks hold, in place, by rank: the same bits come to all.

        Raises
        ------
        Lost : another rank is gone, or does not come.
        """
        if tensor.numel() == 0:
            return  # who has nothing to wait for may be gone already
        try:
            self._add(tensor)
        except OSError as error:
            raise Lost(f"Another rank is gone: {error.strerror or error}.") from error

    def close(self) -> None:
        """Hang up."""
        for peer in self._peers.values():
            peer.close()

    def _add(self, tensor: Tensor) -> None:
        whole = tensor.contiguous()
        for piece in whole.view(-1).split(_PIECE // tensor.element_size()):
            own = _bytes(piece)
            for peer in self._peers.values():
                peer.sendall(own)
            ranks = range(len(self._peers) + 1)
            found = [piece if i == self._number else self._receive(i, piece) for i in ranks]
            piece.copy_(sum(found[1:], found[0]))
        if whole is not tensor:
            tensor.copy_(whole)

    def _receive(self, number: int, like: Tensor) -> Tensor:
        peer, found = self._peers[number], torch.empty_like(like)
        into, asleep = _bytes(found), time.perf_counter() + _AWAKE
        peer.settimeout(0)
        while len(into):
            try:
                got = peer.recv_into(into)
            except BlockingIOError:
                if time.perf_counter() > asleep:
                    peer.settimeout(self._patience)
                else:
                    os.sched_yield()
                continue
            if not got:
                raise Lost(f"Rank {number} has closed its connection.")
            into = into[got:]
        peer.settimeout(self._patience)
        return found


def _bytes(tensor: Tensor) -> memoryview:
    return memoryview(tensor.view(torch.uint8).numpy())
