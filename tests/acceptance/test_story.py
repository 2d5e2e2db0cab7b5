"""The demo's story on SmolLM2, the default model, as a stranger would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.smollm2, pytest.mark.timeout(900)]


def test_the_demo_tells_the_whole_story_for_real() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.story"], cwd=root, capture_output=True, text=True, timeout=850
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it held." in done.stdout
