"""The engine inside the vLLM of paper: adapters, its cache of keys and values, and what kills it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from server.engine.text import StopFilter
from tests.support import hash_model

DEATH = "EngineCore encountered an issue. See stack trace (above) for the root cause."


class Rejected(Exception):
    """An error in vLLM's form."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True)
class Step:
    """One token of an answer."""

    token: int
    text: str
    logprob: float
    top: tuple[tuple[int, float], ...] | None
    ended: str | None
    garbage: str = ""
    """What is sent in its place."""


@dataclass
class Core:
    """State of one server. What a test may change stands first."""

    hung: bool = False
    """No more tokens, while HTTP goes on."""
    seconds_per_token: float = 0.0005
    garbage_at: int | None = None
    """The next answer sends nonsense in place of its token of this number (once)."""
    death_at: int | None = None
    """The next answer kills the engine before its token of this number."""
    refuse_loads: str = ""
    """Every adapter is refused with this."""
    rejections: deque[Rejected] = field(default_factory=deque)
    """What the next requests for an answer get, one each."""
    base: str = "tiny"
    root: str = "/models/tiny"
    max_model_len: int = 400
    max_rank: int = 8
    max_cpu_loras: int = 4
    api_key: str = ""
    runtime_loading: bool = True
    adapters: dict[str, str] = field(default_factory=dict)
    """Name → path: what /v1/models lists."""
    load_bodies: list[dict[str, Any]] = field(default_factory=list)
    answered: int = 0
    """Answers that were ended here; those broken off are not counted."""
    running: int = 0
    dead: bool = False
    on_death: Callable[[], None] = lambda: None
    _held: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Path → weights in the worker's memory, the least recently used first."""
    _cached: dict[tuple[str, str], str] = field(default_factory=dict)
    """(Name, path) → the weights that the prefix cache's keys and values were computed with."""

    def load(self, body: dict[str, Any]) -> None:
        """/v1/load_lora_adapter."""
        self.load_bodies.append(body)
        name, path = body.get("lora_name"), body.get("lora_path")
        if not name or not path:
            raise Rejected(400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided.")
        if name == self.base:
            raise Rejected(400, "InvalidUserInput", f"{name} is the name of the base model.")
        if name in self.adapters and not body.get("load_inplace"):
            raise Rejected(400, "InvalidUserInput", f"The lora adapter '{name}' has already been loaded.")
        if self.refuse_loads:
            raise Rejected(500, "InternalServerError", self.refuse_loads)
        if not (Path(path) / "adapter_config.json").exists():
            raise Rejected(404, "NotFoundError", f"Loading lora {name} failed: No adapter found for {path}")
        try:
            self._hold(path)
        except (ValueError, OSError, SafetensorError) as error:
            raise Rejected(500, "InternalServerError", f"Loading lora {name} failed: {error}") from error
        self.adapters[name] = path

    def unload(self, body: dict[str, Any]) -> None:
        """/v1/unload_lora_adapter: forgets the name, and nothing else."""
        if self.adapters.pop(body["lora_name"], None) is None:
            name = body["lora_name"]
            raise Rejected(404, "NotFoundError", f"The lora adapter '{name}' cannot be found.")

    def answer(self, body: dict[str, Any], ids: list[int], top: int | None) -> AsyncIterator[Step]:
        """An answer's steps. Refusals come now, before the first."""
        if self.rejections:
            raise self.rejections.popleft()
        if self.dead:
            raise Rejected(500, "InternalServerError", DEATH)
        name = body.get("model") or self.base
        path = "" if name == self.base else self.adapters.get(name)
        if path is None:
            raise Rejected(404, "NotFoundError", f"The model `{name}` does not exist.")
        self._check(body, ids)
        return self._steps(body, ids, top, name, path)

    def _check(self, body: dict[str, Any], ids: Sequence[int]) -> None:
        most = self.max_model_len
        if body["max_tokens"] > most:
            told = f"max_tokens={body['max_tokens']} cannot be greater than max_model_len={most}."
            raise Rejected(400, "BadRequestError", told)
        if len(ids) > most:
            told = f"This model's maximum context length is {most} tokens."
            raise Rejected(400, "BadRequestError", told)
        if len(ids) == most:
            raise Rejected(400, "BadRequestError", "max_tokens must be at least 1, got 0.")
        if body.get("temperature", 0) < 0:
            raise Rejected(400, "BadRequestError", "temperature must be non-negative.")

    async def _steps(
        self, body: dict[str, Any], prompt: list[int], top: int | None, name: str, path: str
    ) -> AsyncIterator[Step]:
        room = min(body["max_tokens"], self.max_model_len - len(prompt))
        stops, ids, ended = StopFilter(tuple(body.get("stop") or ())), list(prompt), None
        garbage_at, self.garbage_at = self.garbage_at, None
        death_at, self.death_at = self.death_at, None
        self.running += 1
        try:
            while ended is None:
                await asyncio.sleep(self.seconds_per_token)
                while self.hung:  # noqa: ASYNC110 (a test in another thread says when it is over)
                    await asyncio.sleep(0.01)
                made = len(ids) - len(prompt)
                ranked = hash_model.next_tokens(self._weights(name, path, made == death_at), ids)
                token = hash_model.choose(ranked, body.get("temperature", 0), body.get("seed"), made)
                ids.append(token)
                text, stopped = stops.push(chr(token))
                ended = "stop" if stopped else "length" if made + 1 == room else None
                text += stops.flush() if ended == "length" else ""
                best = None if top is None else tuple(ranked[:top])
                garbage = 'data: {"choices": [{"de\n\n' if made == garbage_at else ""
                yield Step(token, text, dict(ranked)[token], best, ended, garbage)
            self.answered += 1
        finally:
            self.running -= 1

    def prompt_logprobs(self, body: dict[str, Any], ids: Sequence[int]) -> list[Any]:
        """For each place of the prompt {token id: {logprob}}; none for the first."""
        name = body.get("model") or self.base
        weights = self._weights(name, self.adapters.get(name, ""), False)
        values = [hash_model.logprob_of(weights, ids[:n], ids[n]) for n in range(1, len(ids))]
        return [None, *({str(t): {"logprob": v}} for t, v in zip(ids[1:], values, strict=True))]

    def die(self) -> None:
        """What a worker's exception does: nobody gets another token, and the HTTP server ends too."""
        self.dead = True
        self.on_death()

    def _weights(self, name: str, path: str, dying: bool) -> str:
        """What computes the next token; the worker reads an adapter again when it no longer holds it."""
        try:
            if dying:
                raise OSError("told to die")
            now = self._hold(path) if path else "base"
        except (OSError, ValueError, SafetensorError) as error:
            self.die()
            raise Rejected(500, "InternalServerError", DEATH) from error
        if self.dead:
            raise Rejected(500, "InternalServerError", DEATH)
        before = self._cached.setdefault((name, path), now)
        return now if before == now else f"new weights {now} on the keys and values of {before}"

    def _hold(self, path: str) -> str:
        if path not in self._held:
            self._held[path] = self._read(Path(path))
            while len(self._held) > self.max_cpu_loras:
                self._held.popitem(last=False)
        self._held.move_to_end(path)
        return self._held[path]

    def _read(self, folder: Path) -> str:
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > self.max_rank:
            raise ValueError(f"LoRA rank {rank} is greater than max_lora_rank {self.max_rank}.")
        file = folder / "adapter_model.safetensors"
        with safe_open(file, framework="numpy") as opened:
            opened.keys()
        return hashlib.sha256(file.read_bytes()).hexdigest()
