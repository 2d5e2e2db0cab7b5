"""What an update will need in memory, reckoned before it starts, and how it is made to fit.

Counts what is kept from forward to backward pass in a Llama-shaped layer (two normalisations in float32,
attention, a gated feed-forward part) with this learner's own products (server.learner.fused), which keep
their inputs once and no float32 copies. The base's weights are counted apart: on CPU they are pages of a
file that every process shares. Tests hold the sum against the measured peak.
Not covered: mixtures of experts, and what kernels of a GPU take as workspace beyond what is said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.learner.chat import Encoded
from server.learner.errors import DoesNotFit
from server.learner.profiles import Profile
from server.learner.sizes import (
    BANK_AT_MOST,
    BEHIND_ODD,
    BEHIND_WORDS,
    CACHE_BATCH,
    CHUNK,
    LONG_GUARD,
    LONG_REQUEST,
    REQUESTS_AT_MOST,
    ROWS,
    row_tokens,
)

ANSWER_TOKENS = 32
"""Tokens of one generated answer of the probes (server.learner.generate)."""
SMALLEST_PART = 256
"""Tokens: smaller parts repeat the template's prefix more than they save."""
FIXED = 32 << 20
"""Bytes of compiled kernels, thread stacks and the allocator's own, beside every model."""
POOLED, POOLED_PAST = 110, 4
"""Examples that the pool of a run holds of each new fact and each past one (server.learner.pool)."""
FILLED = 0.9
"""Share of a row that packing fills."""
SLACK = 1.15
"""Freed blocks that the allocator cannot use again: measured 1.0 to 1.3 of what is alive."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model decides the memory that training takes."""

    layers: int
    trained: int
    """Layers with a delta, from the top."""
    width: int
    inner: int
    """Width inside the feed-forward part."""
    heads: int
    """Width of the queries: heads times the width of each."""
    key_values: int
    vocabulary: int
    number_bytes: int
    """Of one weight or activation."""
    base_bytes: int

    @classmethod
    def of(cls, model: Any, trained: int) -> Shape:
        """The shape of a loaded decoder."""
        config = model.config
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        groups = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        weights = {p.data_ptr(): p.numel() * p.element_size() for p in model.parameters()}
        return cls(
            layers=config.num_hidden_layers,
            trained=trained,
            width=config.hidden_size,
            inner=config.intermediate_size,
            heads=head * config.num_attention_heads,
            key_values=head * groups,
            vocabulary=config.vocab_size,
            number_bytes=next(model.parameters()).element_size(),
            base_bytes=sum(weights.values()),
        )

    @property
    def products(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of a layer's linear maps: q, k, v, o, gate, up, down."""
        d, f, q, kv = self.width, self.inner, self.heads, self.key_values
        return (d, q), (d, kv), (d, kv), (q, d), (d, f), (d, f), (f, d)

    def kept_per_position(self) -> int:
        """Bytes that one layer keeps of one position for the backward pass."""
        inputs = self.width + self.heads + self.width + self.inner
        attention = 4 * self.heads  # queries, keys and values as many as queries, the result
        gated = 3 * self.inner  # gate, its activation, up
        return self.number_bytes * (inputs + attention + gated) + 2 * 4 * self.width


@dataclass(frozen=True, slots=True)
class Work:
    """How much an update computes, from its recipe and its facts."""

    prefix: int
    """Tokens of the template that every example shares."""
    example: float
    """Tokens of an example, prefix included, on average."""
    answers: float
    """Of these, tokens of the answer."""
    shots: float
    """Examples of a step."""
    distinct: float
    """Different examples over all steps: each is remembered once below the trained layers."""
    apart: int = 0
    """Gradients set aside to be clipped one by one: of each of several users, and the rest."""

    @classmethod
    def of(
        cls, profile: Profile, facts: int, past: int, users: int, prefix: int, samples: Sequence[Encoded]
    ) -> Work:
        """`facts` are new, `past` ones replayed; `samples`: some of the examples that will be trained."""
        steps = profile.max_steps + profile.steps_per_fact * (facts - 1)
        drawn = profile.shots(facts, past)
        distinct = drawn * steps
        if profile.pool_facts:
            distinct = POOLED * facts + POOLED_PAST * past + profile.reads * steps
        held = LONG_REQUEST * REQUESTS_AT_MOST if profile.requests else 0
        held += LONG_GUARD * (BEHIND_WORDS * facts + BEHIND_ODD) if profile.guards else 0
        return cls(
            prefix=prefix,
            example=sum(len(s.ids) for s in samples) / len(samples),
            answers=sum(len(s.answer) for s in samples) / len(samples),
            shots=drawn + profile.anchors + LONG_GUARD * profile.guards + LONG_REQUEST * profile.requests,
            distinct=distinct + BANK_AT_MOST + profile.rehearsed + held,
            apart=users + 1 if profile.user_clip and users > 1 else 0,
        )

    def positions(self, examples: float, row: int) -> float:
        """Columns times rows that so many examples take when packed into rows of `row` tokens."""
        own = self.example - self.prefix
        rows = examples * own / max(own, FILLED * (row - self.prefix))
        return rows * row if rows > 1 else self.prefix + examples * own + 16


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by what they are for."""

    base: int
    """Weights of the base model; on CPU pages of a file, shared with the server."""
    parts: dict[str, int]
    checkpointing: bool
    part_tokens: int
    rows: int
    """Answers generated at once by the gate."""

    @property
    def needed(self) -> int:
        """Bytes at the peak beside the base."""
        p = self.parts
        training = p["lower_layers"] + p["activations"] + p["head"]
        return int(
            SLACK * (p["delta"] + p["whitening"] + max(training, p["generation"], p["moments"])) + p["fixed"]
        )

    def report(self) -> dict[str, object]:
        """For the provenance, in MB."""
        return {
            "base_mb": _mb(self.base),
            "needed_mb": _mb(self.needed),
            "by_part_mb": {name: _mb(size) for name, size in self.parts.items()},
            "checkpointing": self.checkpointing,
            "part_tokens": self.part_tokens,
            "rows": self.rows,
        }


def estimate(
    shape: Shape,
    profile: Profile,
    work: Work,
    part_tokens: int,
    checkpointing: bool = False,
    rows: int = ROWS,
) -> Estimate:
    """What an update takes when a step is computed in parts of `part_tokens`, and `rows` answers at once."""
    b, layers = shape.number_bytes, shape.trained
    examples = max(1.0, min(work.shots, part_tokens / work.example))
    row = row_tokens(work.prefix, shape.width)
    positions = work.positions(examples, row)
    parameters = layers * profile.rank * sum(i + o for i, o in shape.products)
    kept = shape.kept_per_position() + b * min(row, positions)  # and the mask, for attention
    alive = kept + b * shape.width * layers if checkpointing else kept * layers
    passing = b * (3 * shape.inner + 4 * shape.width)
    cached = work.distinct * (work.example - work.prefix) * b * shape.width if layers < shape.layers else 0
    moments = watched = 0.0
    if profile.whitening:
        squares = [shape.width**2, shape.heads**2, shape.width**2, shape.inner**2]
        moments = 4 * (layers * sum(squares) + 4 * max(squares))
        moments += 8 * layers * profile.rank * sum(i for i, _ in shape.products)
        watched = b * layers * (2 * shape.width + shape.heads + shape.inner)
    prompt = work.example - work.answers
    caches = b * 2 * shape.key_values * (shape.layers + 1) * rows * (prompt + ANSWER_TOKENS)
    parts = {
        "delta": parameters * (16 + 2 * b + 4 * work.apart),
        "whitening": moments,
        "activations": positions * (alive + passing),
        "lower_layers": cached,
        "head": CHUNK * shape.vocabulary * (4 + 2 * b) + examples * work.answers * 3 * b * shape.width,
        "generation": caches + rows * (prompt - work.prefix) * passing + rows * shape.vocabulary * b,
        "moments": work.positions(CACHE_BATCH, row) * (watched + passing),
        "fixed": FIXED,
    }
    return Estimate(
        shape.base_bytes, {name: int(size) for name, size in parts.items()}, checkpointing, part_tokens, rows
    )


@dataclass(frozen=True, slots=True)
class Free:
    """How many bytes an update may take beside the base, and where that number is from."""

    size: int
    source: str

    @classmethod
    def of(cls, device: str, limit_mb: int) -> Free:
        """What the device has left, or the operator's limit (0: none) when that is less."""
        if device == "cuda":
            import torch

            kept, (free, total) = torch.cuda.memory_reserved(), torch.cuda.mem_get_info()
            allowed = int(total * torch.cuda.get_per_process_memory_fraction())  # 1, or what was reserved
            unused = kept - torch.cuda.memory_allocated()
            found = cls(min(free, allowed - kept) + unused, "free on the GPU")
        else:
            import psutil

            found = cls(psutil.virtual_memory().available, "available on this machine")
        if limit_mb and limit_mb << 20 < found.size:
            return cls(limit_mb << 20, "allowed by learning.memory_limit_mb")
        return found


def leanest(shape: Shape, profile: Profile, work: Work, room: int, part_tokens: int) -> Estimate:
    """The fastest way to compute a step in `room` bytes: whole, then with activations computed twice, then in
    smaller parts and with fewer answers at once. The smallest of these where none fits."""
    tried = estimate(shape, profile, work, part_tokens)
    size, rows = min(part_tokens, int(work.shots * work.example) + 1), ROWS
    while tried.needed > room and not (tried.checkpointing and size <= SMALLEST_PART):
        if tried.checkpointing:
            size, rows = max(SMALLEST_PART, size // 2), rows // 2
        tried = estimate(shape, profile, work, size, True, rows)
    return tried


def fit(shape: Shape, profile: Profile, work: Work, free: Free, part_tokens: int, copied: bool) -> Estimate:
    """The fastest way that fits. `copied`: the base's weights take memory of their own (a GPU).

    Raises DoesNotFit with the numbers.
    """
    room = free.size - (shape.base_bytes if copied else 0)
    tried = leanest(shape, profile, work, room, part_tokens)
    if tried.needed > room:
        raise DoesNotFit(_refusal(tried, free, copied))
    return tried


def _refusal(tried: Estimate, free: Free, copied: bool) -> str:
    """The arithmetic in one sentence, and what to do."""
    parts = ", ".join(
        f"{name.replace('_', ' ')} {_mb(size)}"
        for name, size in sorted(tried.parts.items(), key=lambda part: -part[1])
        if _mb(size) >= 1
    )
    base = f" and {_mb(tried.base)} MB for a copy of the base" if copied else ""
    return (
        f"the update needs {_mb(tried.needed)} MB ({parts}){base}, even with activations computed twice and "
        f"parts of {tried.part_tokens} tokens and {tried.rows} answers at once; {_mb(free.size)} MB are "
        f"{free.source}. Free memory, raise learning.memory_limit_mb if it is set, or "
        "choose a profile of fewer layers or a smaller rank"
    )


def _mb(size: float) -> int:
    return round(size / 2**20)
