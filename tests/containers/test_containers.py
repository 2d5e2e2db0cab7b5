"""The image and the compose file: linted, read, and run as far as that needs no container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config.settings import leaves
from server.learner.architecture import Architecture
from server.learner.plan import Device, Serving, make
from tests.server.learner.test_plan import QWEN3_4B

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(name, rest) of each instruction, continued lines joined."""
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for line in lines if line for name, _, rest in [line.partition(" ")]]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Each stage's own instructions by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for instruction, rest in instructions():
        if instruction == "FROM":
            name = rest.split(" AS ")[1]
        found.setdefault(name, []).append((instruction, rest))
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def setting_of(variable: str) -> str:
    return variable.removeprefix("LIVEGRAFT_").lower().replace("__", ".")


def test_hadolint_finds_nothing() -> None:
    linted = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--no-color", DOCKERFILE], capture_output=True, text=True
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_there_is_a_target_for_cpu_and_one_for_cuda_and_both_run_one_program_as_nobody_special() -> None:
    cpu, cuda = stages()["cpu"], stages()["cuda"]
    assert ("USER", "1000") in cpu
    assert ("VOLUME", "/state") in cpu
    assert ("ENTRYPOINT", '["/app/.venv/bin/livegraft"]') in cpu
    assert ("CMD", '["serve"]') in cpu
    assert any(name == "HEALTHCHECK" and "/healthz" in rest for name, rest in cpu)
    assert cuda[0] == ("FROM", "cpu AS cuda")
    assert all(name in ("FROM", "ENV") for name, _ in cuda)  # it stays as unprivileged


def test_what_is_copied_is_all_that_the_program_needs(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    for name, rest in stages()["build"]:
        if name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                into = app / target if len(sources) == 1 else app / Path(source).name
                into.parent.mkdir(exist_ok=True)
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, into)
    assert (app / "scripts" / "setup").stat().st_mode & 0o111
    (health,) = (rest for name, rest in stages()["cpu"] if name == "HEALTHCHECK")
    compile(json.loads(health.split(" CMD ")[1])[2], "the health check", "exec")
    done = subprocess.run(
        [sys.executable, "-m", "server", "plan", "--model", "seedling", "--gpu-gb", "24"],
        cwd=app,
        env=os.environ | {"PYTHONPATH": str(app), "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "together" in done.stdout


def test_every_variable_of_image_and_compose_file_is_a_setting() -> None:
    named = set(re.findall(r"\bLIVEGRAFT_(?!TORCH\b)[A-Z_]+(?==)", DOCKERFILE.read_text()))
    named |= {v for v in compose()["services"]["livegraft"]["environment"] if v.startswith("LIVEGRAFT_")}
    assert {setting_of(variable) for variable in named} <= leaves().keys()


def test_adapters_lie_under_one_path_for_both_and_vllm_only_reads_them() -> None:
    ours, vllm = compose()["services"]["livegraft"], compose()["services"]["vllm"]
    assert "adapters:/adapters" in ours["volumes"]
    assert "adapters:/adapters:ro" in vllm["volumes"]
    assert ours["environment"]["LIVEGRAFT_VLLM__ADAPTERS_DIR"] == "/adapters"


def test_vllm_whose_adapters_anybody_may_change_is_reached_by_livegraft_alone() -> None:
    services, networks = compose()["services"], compose()["networks"]
    assert services["vllm"]["environment"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert "ports" not in services["vllm"]
    assert networks["engine"]["internal"]
    assert set(services["livegraft"]["networks"]) & set(services["vllm"]["networks"]) == {"engine"}
    assert all(port.startswith("127.0.0.1:") for port in services["livegraft"]["ports"])


@pytest.mark.parametrize(
    ("flag", "attribute"), [("--max-loras", "live_versions"), ("--max-lora-rank", "rank")]
)
def test_vllm_is_told_what_the_plan_reckons_with(flag: str, attribute: str) -> None:
    told = compose()["services"]["vllm"]["command"]
    assert told[told.index(flag) + 1] == str(getattr(Serving("vllm"), attribute))


def test_the_cache_in_the_compose_file_is_the_plans_for_its_model_on_24_gb() -> None:
    told = compose()["services"]["vllm"]["command"]
    (default,) = re.findall(r":-(\d+)", told[told.index("--kv-cache-memory-bytes") + 1])
    plan = make(Architecture.read("Qwen3-4B", QWEN3_4B), Device.card(24), Serving("vllm"))
    assert int(default) == plan.cache_bytes
