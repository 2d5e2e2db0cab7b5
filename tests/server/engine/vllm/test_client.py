"""What a replica sends, put together again."""

from __future__ import annotations

import pytest

from server.engine.vllm import client
from server.engine.vllm.client import _Lines
from server.engine.vllm.errors import ReplicaFailed


def test_lines_are_whole_however_they_are_cut() -> None:
    sent = b'data: {"a": "\xc3\xa9"}\n\ndata: [DONE]\n'
    for cut in range(len(sent)):
        lines = _Lines("http://replica")
        found = [line for piece in (sent[:cut], sent[cut:]) for line in lines.whole(piece)]
        assert found == [b'data: {"a": "\xc3\xa9"}', b"", b"data: [DONE]"]


def test_an_event_without_an_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_EVENT_BYTES", 2**20)
    lines = _Lines("http://replica")
    assert list(lines.whole(b"x" * 2**20)) == []
    with pytest.raises(ReplicaFailed, match="1 MB without the end of an event"):
        list(lines.whole(b"x"))
