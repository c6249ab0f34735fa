"""An error response: a status code and a message of one sentence."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """A request can't be answered; the sentence goes to the client as it is.

    Parameters
    ----------
    status : of HTTP, 4xx or 503.
    sentence : what is wrong, what was found, what to do; nothing of this machine.
    headers : that the status asks for.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, dict(headers or {})
