"""The ranks: processes that train one network together, started by ``torchrun``; or one alone.

Each takes its share of every batch, and what it finds is added to what the others find, over gloo
between processors and NCCL between GPUs. A process by itself is a group of one, for which all of
this costs nothing and changes no bit.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
from torch import Tensor, distributed
from torch.distributed.rendezvous import rendezvous

from mnistry.errors import InputError
from mnistry.training.wire import Lost, Wire

# Longer than any rank leaves the others waiting; a machine that is gone is noticed by torchrun.
_PATIENCE = timedelta(minutes=10)
_CUT = ("connection", "peer", "socket", "broken pipe", "timed out", "nccl")  # in what is said then


class Agreed(InputError):  # noqa: N818 - the error is another
    """What all ranks have found wrong: rank 0 raises and tells it, the others raise this."""


@dataclass(frozen=True)
class Ranks:
    """A group of processes, as one of them sees it.

    Every method but `share` waits until all ranks call it.

    Parameters
    ----------
    number : of this process, from 0. count : of all of them. local : number on this machine.
    job : a name that stays the same when ``torchrun`` starts the ranks again. again : whether
        they may have been started before.
    """

    number: int = 0
    count: int = 1
    local: int = 0
    job: str = ""
    again: bool = False
    wire: Wire | None = None

    @property
    def leads(self) -> bool:
        """Whether this is the rank that reads, writes and tells for all."""
        return self.number == 0

    def share(self, n: int, number: int | None = None) -> slice:
        """Give this rank's part of n things, or that of rank `number`; none is in two parts."""
        at = self.number if number is None else number
        return slice(at * n // self.count, (at + 1) * n // self.count)

    def add(self, tensor: Tensor) -> Tensor:
        """Add up what the ranks hold, in place; the same bits come to all of them."""
        if self.count == 1:
            return tensor
        if self.wire is not None and self.wire.takes(tensor):
            self.wire.add(tensor)
        else:
            distributed.all_reduce(tensor)
        return tensor

    def every(self, tensor: Tensor) -> Tensor:
        """Give what each rank holds, (count, *shape)."""
        found = tensor.new_zeros((self.count, *tensor.shape))
        found[self.number] = tensor
        return self.add(found)

    def from_lead(self, data: bytes) -> bytes:
        """Give what rank 0 holds; the others' is not looked at."""
        if self.count == 1:
            return data
        size = self.add(torch.tensor([len(data) if self.leads else 0]))
        sent = torch.zeros(int(size), dtype=torch.uint8)
        if self.leads:
            sent = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else sent
        if len(sent):
            distributed.broadcast(sent, 0)
        return bytes(sent.numpy())

    def texts(self, text: str) -> list[str]:
        """Give what each rank says."""
        if self.count == 1:
            return [text]
        said = text.encode()
        sizes = self.every(torch.tensor(len(said)))
        sent = torch.zeros(int(sizes.max()), dtype=torch.uint8)
        sent[: len(said)] = torch.tensor(list(said), dtype=torch.uint8)
        rows = zip(self.every(sent), sizes.tolist(), strict=True)
        return [row[:n].numpy().tobytes().decode() for row, n in rows]

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Let all ranks do what is in the block, or none: what one can't do, all refuse.

        Raises
        ------
        InputError : a rank refuses; rank 0 raises its error, or tells who did.
        Agreed : the same, on all others.
        """
        error: Exception | None = None
        try:
            yield
        except (InputError, OSError, MemoryError) as refused:
            error = refused
        texts = self.texts("" if error is None else str(error) or type(error).__name__)
        first = next((i for i, text in enumerate(texts) if text), None)
        if first is None:
            return
        if error is not None and self.leads:
            raise error
        where = "" if first == 0 else f"Rank {first} says: "
        raise self.agreed(InputError(where + texts[first]))

    def agreed(self, error: InputError) -> InputError:
        """Give an error that all ranks come to, as this one is to raise it."""
        return error if self.leads else Agreed(str(error))

    def same(self, **facts: str) -> None:
        """Make sure that all ranks have the same facts.

        Raises
        ------
        InputError : they don't. See `as_one`.
        """
        for name, fact in facts.items():
            if len(set(self.texts(fact))) > 1:
                raise self.agreed(
                    InputError(
                        f"The {self.count} ranks differ in their `{name}`; give every machine the "
                        "same data and options."
                    )
                )


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the ranks that ``torchrun`` has started, for as long as the block lasts."""
    gpus = torch.cuda.is_available()
    store, number, count = next(rendezvous("env://", timeout=_PATIENCE))
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if gpus else "gloo",
        store=_unused(store, number, count),
        rank=number,
        world_size=count,
        timeout=_PATIENCE,
    )
    local = int(os.environ["LOCAL_RANK"])
    if gpus and local < torch.cuda.device_count():  # others may still train on the processor
        torch.cuda.set_device(local)
    ranks = Ranks(number, count, local, *_job())
    wire = None
    if 1 < ranks.count == int(os.environ.get("LOCAL_WORLD_SIZE", "0")):
        patience = _PATIENCE.total_seconds()
        wire = Wire(ranks.number, ranks.count, ranks.texts, patience)
        ranks = replace(ranks, wire=wire)
    try:
        yield ranks
    finally:
        if wire is not None:
            wire.close()
        distributed.destroy_process_group()


def _unused(store: distributed.Store, number: int, count: int) -> distributed.Store:
    """Give a part of torchrun's store that no earlier ranks of its job have written to.

    The store outlives the ranks, and gloo would look for others at the addresses of those that
    were there before. So rank 0 names a part, and tells it to each that asks now.
    """
    name = secrets.token_hex(8)
    if number:
        store.set(f"asks {number}", name)
        given: str = store.get(f"told {name}").decode()
        store.set(f"{given} heard {number}", "")
        return distributed.PrefixStore(given, store)
    missing, end = set(range(1, count)), time.monotonic() + _PATIENCE.total_seconds()
    while missing and time.monotonic() < end:
        for other in sorted(missing):
            if store.check([f"{name} heard {other}"]):
                missing.remove(other)
            elif store.check([f"asks {other}"]):  # or did, in an earlier life; then it asks again
                store.set(f"told {store.get(f'asks {other}').decode()}", name)
        time.sleep(0.005)
    return distributed.PrefixStore(name, store)


def cut(error: Exception) -> bool:
    """Say whether an error means that another rank is gone, so that no sum can be finished."""
    said = str(error).lower()
    return isinstance(error, RuntimeError) and (
        isinstance(error, Lost) or any(word in said for word in _CUT)
    )


def _job() -> tuple[str, bool]:
    """Name torchrun's job, by the user's name for it or the process that starts us; see `Ranks`."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    if name != "none":
        return name, True
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    return f"{socket.gethostname()} {os.getppid()}", again
