"""Where training runs and in which precision: chosen from what the machine has, told in words."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from mnistry.errors import InputError
from mnistry.training.ranks import ALONE, Ranks

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Place:
    """A device, and the precision of its products; sums, weights and steps stay in float32."""

    device: torch.device
    bfloat16: bool

    def precision(self) -> AbstractContextManager[Any]:
        """Give the context in which the network runs forward."""
        if self.bfloat16:
            context: AbstractContextManager[Any] = torch.autocast(self.device.type, torch.bfloat16)
            return context
        return nullcontext()

    def repeatable(self) -> AbstractContextManager[Any]:
        """Give the context in which the same products give the same bits each time."""
        if self.device.type == "cuda":
            flags = torch.backends.cudnn.flags
            same: AbstractContextManager[Any] = flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=True
            )
            return same
        return nullcontext()

    def __str__(self) -> str:
        """Say in a line where it runs and how."""
        kind = "bfloat16" if self.bfloat16 else "float32"
        if self.device.type == "cuda":
            return f"cuda, {torch.cuda.get_device_name(self.device)}, {kind}"
        if self.device.type == "mps":
            return f"mps, {platform.processor() or 'Apple GPU'}, {kind}"
        threads = torch.get_num_threads()
        few = "1 thread" if threads == 1 else f"{threads} threads"
        return f"cpu, {few}, {_instructions()}, {kind}"


def choose(device: str = "auto", precision: str = "auto", ranks: Ranks = ALONE) -> Place:
    """Find the best that there is, or check what was named.

    "auto" takes a GPU if there is one; and bfloat16 where the processor multiplies it in
    hardware (AMX, AVX-512 BF16, a GPU of 2020 or later), since elsewhere it is slower. Each of
    several ranks on a machine takes a GPU of its own.

    Raises
    ------
    InputError : the name is none of ours, this machine has no such device, or not one a rank.
    """
    if precision not in PRECISIONS:
        raise InputError(f"`precision` must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    kind = str(device).partition(":")[0]
    if kind not in DEVICES:
        raise InputError(f"`device` must be one of {', '.join(DEVICES)}; got {device!r}.")
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available() and ranks.count == 1,
    }
    if kind == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    elif not there[kind]:
        raise InputError(
            f"`device` is {device!r}, but PyTorch {torch.__version__} finds none on this machine"
            f"{' that ranks can share' if ranks.count > 1 else ''}; "
            "use 'cpu', or a PyTorch that was built for it."
        )
    place = torch.device(device)
    if place.type == "cuda" and ranks.count > 1:
        if ranks.local >= torch.cuda.device_count():
            raise InputError(
                f"Each rank needs a GPU of its own; this machine has {torch.cuda.device_count()}. "
                "Start at most so many with `--nproc-per-node`, or take `--device cpu`."
            )
        place = torch.device("cuda", ranks.local)
    fast = {"cpu": _cpu_has_bfloat16, "cuda": _cuda_has_bfloat16}.get(place.type, lambda: False)
    return Place(place, precision == "bfloat16" or (precision == "auto" and fast()))


def _cuda_has_bfloat16() -> bool:
    return bool(torch.cuda.get_device_capability() >= (8, 0))


def _cpu_has_bfloat16() -> bool:
    return _has("amx_bf16") or _has("avx512_bf16")


def _instructions() -> str:
    return "AMX" if _has("amx_bf16") else torch.backends.cpu.get_cpu_capability()


def _has(name: str) -> bool:
    """Ask PyTorch whether the processor has an instruction set; no where it can't tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    return bool(ask and ask().get(name))
