"""A local NLI cross-encoder: does one sentence entail, contradict, or say nothing of another?"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guardian.checks.folders import WEIGHTS, require
from guardian.errors import CheckUnavailable

_LABELS = ("contradiction", "entailment", "neutral")
_MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities of one pair; they add up to 1."""

    contradiction: float
    entailment: float
    neutral: float


class CrossEncoderNLI:
    """A three-label cross-encoder from a local folder; the order of its labels is read from its config.

    Raises CheckUnavailable at once for a folder without config or weights, and for labels other than
    contradiction, entailment and neutral (a binary model cannot tell 'says nothing' from 'contradicts').
    Weights load at the first call, on the CPU, from local files only, and never by running what they contain.
    Safe to call from several threads; they take turns.
    Not covered: pairs beyond 256 tokens are cut, and a model is only as good as what it was trained on.
    """

    def __init__(self, folder: Path) -> None:
        require(folder, "nli_model_dir")
        config = _config(folder)
        self._order = _order(folder, config)
        self._folder = folder
        self._lock = threading.Lock()
        self._model: Any = None
        self.backend = f"nli:{config.get('model_type', 'model')}"

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """One reading for each (premise, hypothesis)."""
        if not pairs:
            return []
        import torch

        with self._lock:
            if self._model is None:
                self._model = self._load()
            rows = self._model.predict(
                list(pairs), activation_fn=torch.nn.Softmax(dim=-1), show_progress_bar=False
            )
        return [Reading(*(float(row[self._order[label]]) for label in _LABELS)) for row in rows]

    def _load(self) -> Any:
        from sentence_transformers import CrossEncoder

        try:
            made = CrossEncoder(
                str(self._folder),
                device="cpu",
                local_files_only=True,
                max_length=_MAX_TOKENS,
                model_kwargs={"weights_only": True},
            )
        except Exception as error:  # whatever is wrong with the files
            raise CheckUnavailable(f"{self._folder} cannot be loaded as a cross-encoder: {error}") from error
        if missing := _headless(self._folder, made.model):
            raise CheckUnavailable(
                f"the weights in {self._folder} lack {missing}: no model was trained for NLI"
            )
        return made


def _headless(folder: Path, model: Any) -> str:
    """A parameter of the classification head that the weights lack and the library made up."""
    import torch
    from safetensors import safe_open

    if (folder / WEIGHTS[0]).is_file():
        with safe_open(folder / WEIGHTS[0], framework="pt") as file:
            stored = set(file.keys())
    else:
        stored = set(torch.load(folder / WEIGHTS[1], map_location="cpu", weights_only=True))
    base = f"{model.base_model_prefix}."
    heads = [name for name, _ in model.named_parameters() if not name.startswith(base)]
    return next((name for name in heads if name not in stored), "")


@cache
def shared(folder: str) -> CrossEncoderNLI:
    """One model for each folder in this process: grounding and contradiction do not hold it twice."""
    return CrossEncoderNLI(Path(folder))


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckUnavailable(f"{folder / 'config.json'} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise CheckUnavailable(f"{folder / 'config.json'} is not a JSON object")
    return config


def _order(folder: Path, config: dict[str, Any]) -> dict[str, int]:
    """Where each label's probability stands."""
    named = config.get("id2label") or {}
    order = {str(label).lower(): int(index) for index, label in named.items()}
    if sorted(order) != sorted(_LABELS) or sorted(order.values()) != [0, 1, 2]:
        found = ", ".join(str(label) for label in named.values()) or "none"
        raise CheckUnavailable(
            f"{folder}: its labels are {found}; a model with the three labels {', '.join(_LABELS)} is needed"
        )
    return order
