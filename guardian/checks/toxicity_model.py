"""Detoxify-family weights from a local folder, loaded without running anything that the files contain."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from guardian.checks.folders import require
from guardian.errors import CheckUnavailable

TOXIC_LABELS = frozenset(
    {
        "toxicity",
        "toxic",
        "severe_toxicity",
        "severe_toxic",
        "obscene",
        "threat",
        "insult",
        "identity_attack",
        "identity_hate",
        "sexual_explicit",
    }
)
"""The heads that mean toxicity. Other heads of the family name identities that are talked about."""
_WINDOW_CHARS = 1_200


class LocalModel:
    """A sequence classifier with one sigmoid head a label; the score of a text is its worst toxic head.

    `folder` holds config.json and tokenizer files, and either Hugging Face weights or one Detoxify `*.ckpt`
    (a dict with `state_dict` and class names under `config.dataset.args.classes`). Raises CheckUnavailable at
    once when these are missing, and at the first call for files that cannot be read, a head that the weights
    lack, or no toxic label. A checkpoint's own `model_type` names a hub id and is not followed: the
    architecture is that of config.json. Weights stay on the CPU in float32. Long texts are scored in windows.
    The number of torch threads is left alone.
    """

    def __init__(self, folder: Path) -> None:
        require(folder, "toxicity_model_dir", checkpoints=True)
        checkpoints = sorted(folder.glob("*.ckpt"))
        self._folder = folder
        self._checkpoint = checkpoints[0] if checkpoints else None
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None
        self._heads: list[int] = []
        kind = json.loads((folder / "config.json").read_text()).get("model_type", "model")
        self.backend = f"local:{kind}"

    def __call__(self, texts: list[str]) -> list[float]:
        """The worst toxic head of each text, over its windows."""
        with self._lock:
            if self._model is None:
                self._load_or_say()
            return [max(self._score(text[i : i + _WINDOW_CHARS]) for i in _starts(text)) for text in texts]

    def _score(self, text: str) -> float:
        import torch

        encoded = self._tokenizer(text, truncation=True, max_length=self._max_tokens, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**encoded).logits[0]
        return float(torch.sigmoid(logits.float())[self._heads].max())

    def _load_or_say(self) -> None:
        try:
            self._load()
        except CheckUnavailable:
            raise
        except Exception as error:  # whatever is wrong with the files
            raise CheckUnavailable(f"{self._folder} cannot be loaded: {error}") from error

    def _load(self) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
        model, labels = self._from_checkpoint() if self._checkpoint else self._from_folder()
        self._heads = [i for i, label in enumerate(labels) if label.lower() in TOXIC_LABELS]
        if not self._heads:
            raise CheckUnavailable(f"{self._folder}: none of the labels {labels} means toxicity")
        self._max_tokens = min(512, int(getattr(model.config, "max_position_embeddings", 514)) - 2)
        self._model = model.eval()

    def _from_folder(self) -> tuple[Any, list[str]]:
        import torch
        from transformers import AutoModelForSequenceClassification

        model, loading = AutoModelForSequenceClassification.from_pretrained(
            self._folder,
            local_files_only=True,
            dtype=torch.float32,
            weights_only=True,
            output_loading_info=True,
        )
        if missing := sorted(loading["missing_keys"]):  # the library would make them up
            raise CheckUnavailable(f"the weights in {self._folder} lack {missing[0]}")
        names = model.config.id2label
        return model, [str(names[i]) for i in range(len(names))]

    def _from_checkpoint(self) -> tuple[Any, list[str]]:
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification

        assert self._checkpoint is not None
        loaded = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        try:
            state = loaded["state_dict"]
            labels = [str(label) for label in loaded["config"]["dataset"]["args"]["classes"]]
            outputs = int(loaded["config"]["arch"]["args"]["num_classes"])
        except (KeyError, TypeError) as error:
            raise CheckUnavailable(
                f"{self._checkpoint} is not a Detoxify checkpoint: {error} is missing"
            ) from error
        config = AutoConfig.from_pretrained(self._folder, local_files_only=True, num_labels=outputs)
        build: Any = AutoModelForSequenceClassification.from_config  # untyped in the library
        model = build(config, dtype=torch.float32)
        missing, _ = model.load_state_dict(state, strict=False)
        if missing:  # a legacy position_ids buffer may be left over, but every weight must be there
            raise CheckUnavailable(f"{self._checkpoint} does not fit config.json: {missing[0]} is missing")
        return model, labels


def _starts(text: str) -> range:
    return range(0, max(len(text), 1), _WINDOW_CHARS)
