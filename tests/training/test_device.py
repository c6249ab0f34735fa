"""The device is the one named or the best there is, and says so."""

from __future__ import annotations

import pytest
import torch

from mnistry.errors import InputError
from mnistry.training import device
from mnistry.training.device import choose


def test_cpu_tells_threads_and_instructions() -> None:
    """On a processor: how many threads, which instructions, which precision."""
    threads = torch.get_num_threads()
    words = str(choose("cpu", "float32"))
    assert words.startswith(f"cpu, {threads} thread")
    assert words.endswith(", float32")
    assert any(name in words for name in ("AMX", "AVX", "DEFAULT", "NEON", "SVE", "NO AVX"))


def test_bfloat16_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is bfloat16 if the processor multiplies it, else float32; a name decides."""
    monkeypatch.setattr(device, "_has", lambda name: name == "amx_bf16")
    assert choose("cpu").bfloat16
    monkeypatch.setattr(device, "_has", lambda name: name == "avx512_vnni")
    assert not choose("cpu").bfloat16
    assert choose("cpu", "bfloat16").bfloat16
    assert str(choose("cpu", "bfloat16")).endswith("bfloat16")


def test_refusals() -> None:
    """Unknown names, and devices that this machine lacks."""
    with pytest.raises(InputError, match=r"`device` must be one of auto, cpu, cuda, mps; got 'tpu"):
        choose("tpu")
    with pytest.raises(InputError, match=r"`precision` must be one of auto, float32, bfloat16"):
        choose("cpu", "int4")
    if not torch.backends.mps.is_available():
        with pytest.raises(InputError, match=r"`device` is 'mps', but PyTorch .* finds none"):
            choose("mps")
