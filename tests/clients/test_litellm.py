"""LiteLLM's client finds what it expects."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http_server import Live

SCRIPT = Path(__file__).parent / "litellm_surface.py"
COUNT = "one two three four five six seven eight nine ten"


@pytest.mark.skipif(importlib.util.find_spec("litellm") is None, reason="install the extra `clients`")
def test_litellm_finds_chat_completions_responses_and_embeddings(shared: Live) -> None:
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), shared.url],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    came = json.loads(done.stdout.splitlines()[-1])
    assert (came["whole"], came["streamed"], came["response"]) == (COUNT, COUNT, COUNT)
    assert came["text"] == "one two three"
    assert came["dimensions"] == [384, 384]
    assert "does not exist" in came["refused"]
