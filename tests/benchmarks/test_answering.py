"""What is held against the goals is the best rate, one picture's latency, and all shipped files."""

from __future__ import annotations

import answering
from compare import spread


def entry(key: str, rate: float, seconds: float) -> dict[str, object]:
    return {"key": key, "rate": spread([rate]), "seconds": spread([seconds])}


def test_claims_take_the_best_rate_and_the_single_picture() -> None:
    """Pictures a second count at the size of call that is best for them."""
    peers = [entry("batch_1", 4000, 0.00025), entry("batch_64", 70_000, 0.0009)]
    found = answering.claims(peers, {"a.onnx": 3_000_000, "b.onnx": 500_000})
    assert [claim["found"] for claim in found] == [70, 0.25, 3.5]
    assert [claim["met"] for claim in found] == [True, False, True]


def test_claims_leave_out_what_was_not_measured() -> None:
    """Without single pictures there is no latency to claim."""
    assert len(answering.claims([entry("batch_64", 70_000, 0.0009)], {})) == 2


def test_the_shipped_models_are_found() -> None:
    """Their folder is the package's own."""
    assert (answering.models() / "softmax.onnx").is_file()
