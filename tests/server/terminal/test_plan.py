"""`livegraft plan` from the command line: needs no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.__main__ import main
from tests.server.learner.test_plan import LLAMA_8B, QWEN3_4B


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_8B))
    return path


def test_a_plan_is_a_table_that_ends_in_the_sum(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--model", str(config), "--gpu-gb", "80"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for words in ("weights to serve", "14.96 GiB", "together", "vLLM is told --kv-cache-memory-bytes"):
        assert words in out


def test_what_does_not_fit_ends_with_code_1_and_the_arithmetic(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--model", str(config), "--gpu-gb", "24"]) == 1
    out, err = capsys.readouterr()
    assert "together" in out
    assert "does not fit on a GPU of 24 GB" in err
    assert "22.50 GiB are there" in err


def test_json_says_whether_it_fits(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(json.dumps(QWEN3_4B))
    assert main(["plan", "--model", str(config), "--gpu-gb", "24", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fits"]
    assert found["needed"] == sum(part["size"] for part in found["parts"])


def test_without_a_size_this_machine_is_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--model", "seedling", "--engine", "embedded"]) == 0
    assert "seedling on " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--gpu-gb", "x"], 2, "'x' is no size of a GPU"),
        (["--gpu-gb", "80", "--max-batch", "0"], 2, "'0' is no whole number"),
        (["--gpu-gb", "80", "--profile", "nosuch"], 1, "there is no profile 'nosuch'"),
    ],
)
def test_bad_flags_are_one_line(
    flags: list[str], code: int, said: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--model", str(config), *flags]) == code
    assert said in capsys.readouterr().err
