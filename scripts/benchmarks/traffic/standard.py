"""The same servers under a load generator that others use too: `vllm bench serve`, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.traffic.client import Target

WANTED = ("output_throughput", "median_ttft_ms", "p99_ttft_ms", "median_itl_ms", "p99_itl_ms", "failed")


def program(named: str) -> str | None:
    """The `vllm` program: as named, or as found on the path."""
    return shutil.which(named or "vllm")


def command(
    program: str, target: Target, tokenizer: Path, streams: int, tokens: int, results: Path
) -> list[str]:
    """One run of random prompts of 64 tokens, four for each stream."""
    flags = {
        "--backend": "openai-chat",
        "--base-url": f"http://{target.host}:{target.port}",
        "--endpoint": "/v1/chat/completions",
        "--model": target.model,
        "--tokenizer": str(tokenizer),
        "--dataset-name": "random",
        "--random-input-len": "64",
        "--random-output-len": str(tokens),
        "--num-prompts": str(4 * streams),
        "--max-concurrency": str(streams),
        "--percentile-metrics": "ttft,itl",
        "--metric-percentiles": "99",
        "--temperature": "0",
        "--result-dir": str(results),
        "--result-filename": "result.json",
    }
    return [program, "bench", "serve", "--save-result", *(word for pair in flags.items() for word in pair)]


def run(
    program: str, targets: dict[str, Target], tokenizer: Path, streams: Sequence[int], tokens: int
) -> dict[str, dict[int, dict[str, Any]]]:
    """Every server at every width. Raises RuntimeError with what the program said."""
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in targets}
    for width in streams:
        for name, target in targets.items():
            with tempfile.TemporaryDirectory() as folder:
                asked = command(program, target, tokenizer, width, tokens, Path(folder))
                done = subprocess.run(asked, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise RuntimeError(f"`{' '.join(asked)}` failed: {done.stderr[-800:]}")
                result = json.loads((Path(folder) / "result.json").read_text())
            found[name][width] = {key: result.get(key) for key in WANTED}
    return found
