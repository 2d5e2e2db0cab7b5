"""A model's shape from its config.json alone: what it weighs and what its cache takes, before a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.learner.errors import CannotLearn
from server.learner.estimate import Shape

_TYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A Llama-shaped decoder."""

    name: str
    parameters: int
    embedded: int
    """Of these, in the embeddings and an output head of its own, which 8-bit serving leaves as they are."""
    layers: int
    width: int
    inner: int
    heads: int
    """Width of the queries: heads times the width of each."""
    key_values: int
    vocabulary: int
    number_bytes: int
    """Of one weight as it is stored."""

    @classmethod
    def read(cls, name: str, config: Mapping[str, Any]) -> Architecture:
        """From a transformers config. Raises CannotLearn for a model whose memory is not reckoned here."""
        c = {**config, **config.get("text_config", {})}
        missing = [key for key in ("hidden_size", "num_hidden_layers", "intermediate_size") if not c.get(key)]
        if missing or any(c.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts")):
            why = f"its config.json has no {missing[0]}" if missing else "it is a mixture of experts"
            raise CannotLearn(f"{name}: {why}; only plain decoders shaped like Llama can be planned for")
        width, layers, inner = c["hidden_size"], c["num_hidden_layers"], c["intermediate_size"]
        head = c.get("head_dim") or width // c["num_attention_heads"]
        heads = head * c["num_attention_heads"]
        key_values = head * (c.get("num_key_value_heads") or c["num_attention_heads"])
        linear = 2 * width * heads + 2 * width * key_values + 3 * width * inner
        biases = heads + 2 * key_values if c.get("attention_bias") or c.get("model_type") == "qwen2" else 0
        norms = 2 * width + (2 * head if c.get("model_type") == "qwen3" else 0)
        embedded = c["vocab_size"] * width * (1 if c.get("tie_word_embeddings") else 2)
        return cls(
            name=name,
            parameters=embedded + layers * (linear + biases + norms) + width,
            embedded=embedded,
            layers=layers,
            width=width,
            inner=inner,
            heads=heads,
            key_values=key_values,
            vocabulary=c["vocab_size"],
            number_bytes=_TYPE_BYTES.get(str(c.get("dtype") or c.get("torch_dtype")), 2),
        )

    @property
    def base_bytes(self) -> int:
        """Of the weights as they are stored."""
        return self.parameters * self.number_bytes

    @property
    def cache_bytes_per_token(self) -> int:
        """Keys and values of one token over all layers."""
        return 2 * self.layers * self.key_values * self.number_bytes

    @property
    def eight_bit_bytes(self) -> int:
        """Of the weights with all but the embeddings and the output head in 8 bits."""
        return self.parameters - self.embedded + self.embedded * self.number_bytes

    def adapter_parameters(self, rank: int) -> int:
        """Of a LoRA of this rank on all linear maps of all layers."""
        return self.layers * rank * sum(i + o for i, o in self.shape(1).products)

    def shape(self, trained: int) -> Shape:
        """What the trainer's estimate asks for, with so many layers trained."""
        return Shape(
            self.layers,
            trained,
            self.width,
            self.inner,
            self.heads,
            self.key_values,
            self.vocabulary,
            self.number_bytes,
            self.base_bytes,
        )
