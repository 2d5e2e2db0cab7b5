"""Who gets which part of one device's memory: serving, cache, trainer, reserve. Reckoned before the start.

On a GPU engine and trainer each hold the base. On CPU both map the same file, so it counts once. The
trainer's part is the estimate that every update makes for itself (server.learner.estimate), for a full batch
of facts. The figures named as allowances below are estimates of ours, not measurements; everything else
follows from the model's shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.engine.vllm.options import served_rank
from server.learner.architecture import Architecture
from server.learner.chat import Encoded
from server.learner.errors import DoesNotFit
from server.learner.estimate import Estimate, Work, leanest
from server.learner.profiles import choose
from server.learner.sizes import PART_TOKENS

GIB = 1 << 30
USABLE = 0.9375
"""Of a card's nominal gigabytes, what the least generous cards leave to programs: 22.5 of 24 on an L4."""
ENGINE_ALLOWANCE = {"vllm": 2 * GIB, "embedded": GIB}
"""Context, kernels' workspace, activations of one step, and vLLM's captured graphs."""
TRAINER_ALLOWANCE = GIB // 2
"""The trainer's own CUDA context, and what kernels take as workspace."""
GUARDIAN_ALLOWANCE = GIB // 2
"""The guardian's process with its sentence model; in the machine's memory, never on the GPU."""
RESERVE = 0.02
"""Share of the device that nobody is given."""
TYPICAL = Encoded((0,) * 44, (0,) * 16)
"""A question with its template, and an answer."""
PREFIX = 24
PAST_FACTS = 48
"""Replayed at most, for the estimate; the recipe says how many of them a step sees."""
COMFORTABLE = 8
"""Answers of full length at once that the cache should hold before the trainer computes in larger pieces."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where serving and learning share memory."""

    name: str
    size: int
    """Bytes that programs can have together."""
    gpu: bool

    @classmethod
    def card(cls, gigabytes: float) -> Device:
        """A GPU sold with so many gigabytes."""
        return cls(f"a GPU of {gigabytes:g} GB", int(gigabytes * USABLE * GIB), True)


@dataclass(frozen=True, slots=True)
class Serving:
    """What decides the engine's part."""

    engine: Literal["embedded", "vllm", "elsewhere"] = "embedded"
    """`elsewhere`: on another device or machine; only the trainer is planned for."""
    eight_bit: bool = False
    """Served with linear maps in 8 bits (vLLM's fp8). The trainer holds the weights as they are stored."""
    max_batch: int = 32
    max_model_len: int = 2048
    live_versions: int = 3
    """Stable, canary and previous."""
    max_rank: int = 64
    """Ranks of a version's deltas together."""
    cache_bytes: int = 0
    """A fixed cache; 0: what is left, up to what the batch can use."""

    @property
    def rank(self) -> int:
        """Ranks that memory is held for: vLLM knows only some."""
        if self.engine != "vllm":
            return self.max_rank
        return served_rank(self.max_rank)


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the plan."""

    name: str
    size: int
    how: str
    """The arithmetic, for a person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole sum."""

    model: str
    device: Device
    serving: Serving
    parts: tuple[Part, ...]
    cache_bytes: int
    """What the engine may use for keys and values."""
    cache_bytes_per_token: int
    trainer_bytes: int
    """What torch takes in the trainer: an update, and on a GPU its copy of the base."""
    remedy: str
    """What to do when it does not fit."""

    @property
    def needed(self) -> int:
        """All parts together."""
        return sum(part.size for part in self.parts)

    @property
    def cache_tokens(self) -> int:
        """How many tokens of running answers fit."""
        return self.cache_bytes // self.cache_bytes_per_token

    @property
    def why_not(self) -> str:
        """The refusal with its arithmetic and what to do, '' when everything fits."""
        if self.needed <= self.device.size:
            return ""
        largest = sorted(self.parts, key=lambda part: -part.size)
        listed = " + ".join(f"{part.name} {gib(part.size)}" for part in largest if part.size >= GIB // 100)
        return (
            f"{self.model} does not fit on {self.device.name} while it learns: {listed} = {gib(self.needed)} "
            f"GiB, and {gib(self.device.size)} GiB are there. {self.remedy}"
        )

    def checked(self) -> Plan:
        """The plan itself. Raises DoesNotFit."""
        if self.why_not:
            raise DoesNotFit(self.why_not)
        return self


def gib(size: float) -> str:
    """Bytes as GiB with two digits."""
    return f"{size / GIB:.2f}"


def make(model: Architecture, device: Device, serving: Serving, profile: str = "", facts: int = 8) -> Plan:
    """Reckon who needs what; `facts` are trained together at most (learning.max_edits_per_update).

    The cache gets what is left: at least one answer of full length, at most what the batch can use. The
    trainer computes in pieces so small that COMFORTABLE answers fit beside it, if there are such.
    """
    reserve = Part("reserve", int(RESERVE * device.size), f"{RESERVE:.0%} of the device")
    parts = _engine(model, device, serving)
    room = device.size - reserve.size - sum(part.size for part in parts)
    answer = model.cache_bytes_per_token * serving.max_model_len
    wanted = serving.cache_bytes or answer * min(COMFORTABLE, serving.max_batch)
    cached = serving.engine != "elsewhere"
    trainer, update = _trainer(model, device, profile, facts, room - cached * wanted)
    spare = room - sum(part.size for part in trainer)
    cache = cached * (serving.cache_bytes or max(answer, min(answer * serving.max_batch, spare)))
    if cached:
        parts.append(Part("cache", cache, _in_words(model, serving, cache)))
    parts += [*trainer, reserve]
    return Plan(
        model=model.name,
        device=device,
        serving=serving,
        parts=tuple(parts),
        cache_bytes=cache,
        cache_bytes_per_token=model.cache_bytes_per_token,
        trainer_bytes=update.needed + (model.base_bytes if device.gpu else 0),
        remedy=_remedy(model, device, serving, sum(part.size for part in parts) - device.size),
    )


def _remedy(model: Architecture, device: Device, serving: Serving, excess: int) -> str:
    copies = 2 if device.gpu else 1
    room = max(0, model.base_bytes * copies - excess) / (model.number_bytes * copies)
    found = [f"choose a model of at most {room / 1e9:.1f} billion parameters"] if room > 1e7 else []
    saved = model.base_bytes - model.eight_bit_bytes
    if serving.engine == "vllm" and not serving.eight_bit and saved >= excess:
        found.append("serve this one with 8-bit weights (vLLM's --quantization fp8)")
    found.append("lower engine.max_model_len or learning.max_rank")
    return f"Either {', '.join(found)}, or serve without learning (learning.enabled = false)."


def _in_words(model: Architecture, serving: Serving, cache: int) -> str:
    tokens = cache // model.cache_bytes_per_token
    return (
        f"{tokens:,} tokens of {model.cache_bytes_per_token / 1024:g} KiB: "
        f"{tokens // serving.max_model_len} answers of {serving.max_model_len} at once"
    )


def _engine(model: Architecture, device: Device, serving: Serving) -> list[Part]:
    """What serving takes beside its cache."""
    if serving.engine == "elsewhere":
        return []
    rank = serving.rank
    number_bytes = (
        model.number_bytes if serving.engine == "vllm" else 4
    )  # the embedded engine adds in float32
    slots = serving.live_versions * number_bytes * model.adapter_parameters(rank)
    parts = [
        Part(
            "weights to serve" if device.gpu else "weights, one copy for both",
            model.eight_bit_bytes if serving.eight_bit else model.base_bytes,
            f"{model.parameters / 1e6:,.0f} million parameters"
            + (
                " in 8 bits, embeddings as stored" if serving.eight_bit else f" of {model.number_bytes} bytes"
            ),
        ),
        Part("adapters", slots, f"{serving.live_versions} versions of rank {rank} on all linear maps"),
    ]
    if device.gpu:
        parts.append(Part("engine", ENGINE_ALLOWANCE[serving.engine], "context and workspace, an allowance"))
    else:
        parts.append(Part("guardian", GUARDIAN_ALLOWANCE, "a process of its own, an allowance"))
    return parts


def _trainer(
    model: Architecture, device: Device, profile: str, facts: int, room: int
) -> tuple[list[Part], Estimate]:
    """The trainer's parts; `room` is for all of them."""
    recipe = choose(profile, model.parameters)
    work = Work.of(recipe, facts, PAST_FACTS, 2, PREFIX, [TYPICAL])
    shape = model.shape(max(1, round(recipe.layers * model.layers)))
    parts = []
    if device.gpu:
        parts = [
            Part("weights to train on", model.base_bytes, "the trainer's own copy"),
            Part("trainer", TRAINER_ALLOWANCE, "context and workspace, an allowance"),
        ]
    found = leanest(shape, recipe, work, room - sum(part.size for part in parts), PART_TOKENS)
    pieces = "activations computed twice, " if found.checkpointing else ""
    how = f"recipe {recipe.name}, {facts} facts: {pieces}{found.part_tokens} tokens a pass"
    return [*parts, Part("training", found.needed, how)], found


def lines(plan: Plan) -> list[str]:
    """The plan as a table, a line each."""
    width = max(len(part.name) for part in plan.parts)
    head = f"{plan.model} on {plan.device.name}, {gib(plan.device.size)} GiB"
    table = [f"  {part.name:<{width}}  {gib(part.size):>6} GiB   {part.how}" for part in plan.parts]
    total = f"  {'together':<{width}}  {gib(plan.needed):>6} GiB"
    if plan.serving.engine != "vllm" or plan.why_not:
        return [head, *table, total]
    serving = plan.serving
    told = f"--kv-cache-memory-bytes {plan.cache_bytes} --max-loras {serving.live_versions}"
    return [head, *table, total, f"  vLLM is told {told} --max-lora-rank {serving.rank}"]
