"""OpenAI's Node client finds what it expects. Skipped where Node or the package cannot be had."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.http_server import Live

HERE = Path(__file__).parent / "node"
COUNT = "one two three four five six seven eight nine ten"


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    """Where the script lies beside the package: installed once, and kept with pytest's cache."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not on this machine")
    assert request.config.cache is not None
    place = request.config.cache.mkdir("node-openai")
    wanted = (HERE / "package.json").read_text()
    shutil.copy(HERE / "surface.mjs", place)
    installed = place / "node_modules" / "openai" / "package.json"
    known = installed.is_file() and (place / "package.json").read_text() == wanted
    if not known:
        shutil.copy(HERE / "package.json", place)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries=0"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install the package openai: {done.stderr.strip()[-200:]}")
    return place


def test_the_node_client_finds_every_route_as_openai_has_it(shared: Live, folder: Path) -> None:
    command = ["node", "surface.mjs", shared.url]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert came["whole"] == [COUNT, COUNT]
    assert (came["logprobs"], came["streamed"], came["usage"]) == (10, COUNT, 10)
    assert came["call"] == {"city": "Bern"}
    assert came["completion"] == "one two three"
    assert came["response"] == COUNT
    assert came["events"][0] == "response.created"
    assert came["events"][-1] == "response.completed"
    assert came["events"].count("response.output_text.delta") == 10
    assert came["dimensions"] == [384, 384]
    assert came["moderated"] == "boolean"
    assert {"tiny", "tiny@stable", "tiny@base"} <= set(came["models"])
    assert (came["retrieved"], came["jobs"]) == ("tiny@base", [])
    assert came["error"] == ["NotFoundError", 404, "model_not_found", "model", True]
