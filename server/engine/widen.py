"""A float32 copy of a model folder, for processors that are slower in bfloat16. Run as a program: FROM TO.

Where the processor multiplies float32 only, a bfloat16 product is emulated: on an AVX2 processor it took
seven times as long as the same product in float32. With AVX-512's bfloat16 products but no matrix unit it
still took 1.6 times as long. Every bfloat16 number is a float32 number, so the copy is the same model; it
takes twice the memory. Not covered: a GPU, which multiplies both; quantised folders, which stay as they are.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from server.engine import made
from server.engine.digests import identity_files

HALVES = ("BF16", "F16")
PRODUCT = (256, 576, 1536)
"""Rows, inputs and outputs of the product that is timed: one of the default model, on a page of text."""


def needed() -> bool:
    """Whether half precision is slower here than float32: no GPU, and a product that takes longer.

    Timed, not looked up: which instructions a processor has does not tell how many it starts at once.
    """
    import torch

    if torch.cuda.is_available():
        return False
    return product_seconds("bfloat16") > 1.2 * product_seconds("float32")


@cache
def product_seconds(dtype: str) -> float:
    """Seconds that one core takes for one product here; the shortest of many, as other work may be about."""
    import torch

    rows, inputs, outputs = PRODUCT
    text = torch.ones(rows, inputs, dtype=getattr(torch, dtype))
    weight = torch.ones(outputs, inputs, dtype=getattr(torch, dtype))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return min(_seconds(lambda: torch.nn.functional.linear(text, weight)) for _ in range(20))
    finally:
        torch.set_num_threads(threads)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def folder(source: Path, digest: str, home: Path, progress: Callable[[str], None]) -> Path:
    """The float32 copy under `home/models`, or `source` itself where it has no half precision.

    `digest` is the identity of `source`, which stays that of the model. Raises made.ConversionFailed.
    """
    if not has_halves(source):
        return source
    say = f"This processor has no bfloat16 products: making a float32 copy of {source.name} once"
    return made.folder(
        home / "models" / f"{source.name}-float32-{digest[:12]}",
        made.Conversion("server.engine.widen", digest, f"copying {source.name} in float32"),
        lambda: source,
        lambda: progress(say),
        progress,
    )


def copy(source: Path, target: Path) -> None:
    """Write the folder `target`: the weights of `source` in float32, everything else as it is."""
    from safetensors.torch import load_file, save_file

    for file in identity_files(source):
        if file.suffix != ".safetensors":
            shutil.copyfile(file, target / file.name)
            continue
        tensors = load_file(file)
        save_file(
            {name: tensor.float() for name, tensor in tensors.items()}, target / file.name, {"format": "pt"}
        )
    settings = json.loads((target / "config.json").read_text())
    for name in ("dtype", "torch_dtype"):
        if name in settings:
            settings[name] = "float32"
    (target / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def has_halves(source: Path) -> bool:
    """Whether any weight is in half precision and none is quantised."""
    from safetensors import safe_open

    kinds = set()
    for file in source.glob("*.safetensors"):
        with safe_open(file, framework="np") as opened:
            kinds |= {opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118 (not a dict)
    quantised = "quantization_config" in json.loads((source / "config.json").read_text())
    return bool(kinds & set(HALVES)) and not quantised


if __name__ == "__main__":
    copy(Path(sys.argv[1]), Path(sys.argv[2]))
