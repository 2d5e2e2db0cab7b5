"""What a folder of local weights must hold. The libraries make up what is missing, even a vocabulary."""

from __future__ import annotations

from pathlib import Path

from guardian.errors import CheckUnavailable

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)


def require(folder: Path, setting: str, checkpoints: bool = False) -> None:
    """Raise CheckUnavailable for missing config, weights or tokenizer; `checkpoints`: a .ckpt will do."""
    if not folder.is_dir():
        raise CheckUnavailable(f"{setting} {folder} is not a folder; put the weights there or set it to ''")
    if not (folder / "config.json").is_file():
        raise CheckUnavailable(f"{folder} has no config.json; it must hold config, tokenizer and weights")
    found = any((folder / name).is_file() for name in WEIGHTS)
    if not found and not (checkpoints and any(folder.glob("*.ckpt"))):
        also = " nor a .ckpt" if checkpoints else ""
        raise CheckUnavailable(f"{folder} has no weights: neither {' nor '.join(WEIGHTS)}{also}")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise CheckUnavailable(f"{folder} has no tokenizer: none of {', '.join(_TOKENIZERS)}")
