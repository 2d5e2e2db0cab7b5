"""`livegraft plan`: will this model serve and learn on this device, and where does the memory go."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from server.engine.types import EngineError
from server.learner import plan as planning
from server.learner.architecture import Architecture
from server.learner.devices import here
from server.learner.errors import LearnerError
from server.terminal.client import TerminalError


def plan(args: argparse.Namespace, console: Console) -> None:
    """Reckon and print; raises TerminalError with the arithmetic when it does not fit."""
    from server.engine.models import config_of

    device = here() if args.gpu_gb is None else planning.Device.card(args.gpu_gb)
    serving = planning.Serving(
        args.engine or ("vllm" if device.gpu else "embedded"),
        args.eight_bit,
        args.max_batch,
        args.max_model_len,
        args.live_versions,
        args.max_rank,
    )
    try:
        model = Architecture.read(args.model, config_of(args.model, args.home))
        found = planning.make(model, device, serving, args.profile)
    except (EngineError, LearnerError) as error:
        raise TerminalError(str(error)) from error
    if args.json:
        console.print(json.dumps(_as_json(found), indent=2), markup=False, soft_wrap=True)
    else:
        for line in planning.lines(found):
            console.print(line, markup=False, soft_wrap=True)
    if found.why_not:
        raise TerminalError(found.why_not)


def flags(parser: argparse.ArgumentParser) -> None:
    """What can be asked."""
    serving = planning.Serving()
    parser.add_argument(
        "--model", required=True, help="smollm2, seedling, a model folder, a config.json, or a hub id"
    )
    parser.add_argument("--gpu-gb", type=_gigabytes, metavar="GB", help="of the card; unset: this machine")
    parser.add_argument(
        "--engine",
        choices=("embedded", "vllm", "elsewhere"),
        help="what serves it; elsewhere: not this device; unset: vllm on a GPU, else embedded",
    )
    parser.add_argument("--eight-bit", action="store_true", help="served in 8 bits (vLLM's fp8)")
    for name, default, words in (
        ("max-batch", serving.max_batch, "answers generated at the same time"),
        ("max-model-len", serving.max_model_len, "tokens of prompt and answer together"),
        ("live-versions", serving.live_versions, "versions that can be asked at the same time"),
        ("max-rank", serving.max_rank, "ranks of a version's deltas together"),
    ):
        parser.add_argument(f"--{name}", type=_positive, default=default, help=f"{words} ({default})")
    parser.add_argument("--profile", default="", help="training recipe; unset: by the model's size")
    parser.add_argument("--home", type=Path, default=Path(".livegraft"), help="where converted models are")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")


def _as_json(found: planning.Plan) -> dict[str, Any]:
    return {
        "model": found.model,
        "device": dataclasses.asdict(found.device),
        "parts": [dataclasses.asdict(part) for part in found.parts],
        "needed": found.needed,
        "cache_bytes": found.cache_bytes,
        "cache_tokens": found.cache_tokens,
        "trainer_bytes": found.trainer_bytes,
        "fits": not found.why_not,
    }


def _gigabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no size of a GPU in gigabytes, such as 24 or 80")
    return value


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)
