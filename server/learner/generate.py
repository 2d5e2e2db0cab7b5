"""Greedy answers to many questions at once, for the probes: memory off, chat template, up to the end of turn.

Faster than one `generate` call: the template's prefix is run once for all, the output head sees a contiguous
matrix (a strided one makes torch copy the head once per row), and rows that have ended leave the batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from server.learner.chat import Encoder
from server.learner.sizes import ROWS


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said, and whether it came to its end."""

    text: str
    ids: tuple[int, ...]
    """Without the end-of-turn token."""
    ended: bool


def answers(
    model: Any,
    encoder: Encoder,
    questions: Sequence[str],
    max_tokens: int = 32,
    yield_hook: Callable[[], None] | None = None,
    device: str = "cpu",
    rows: int = ROWS,
) -> list[Answer]:
    """One greedy answer per question, `rows` at once, from the adapters that are active now."""
    from transformers import DynamicCache

    if not questions:
        return []
    prompts = [encoder.prompt(question) for question in questions]
    said: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    with torch.inference_mode():
        cache = DynamicCache(config=model.config)
        if encoder.prefix:
            model.model(
                input_ids=torch.tensor([encoder.prefix], device=device), past_key_values=cache, use_cache=True
            )
        for start in range(0, len(order), rows):
            _run(
                model,
                encoder,
                prompts,
                order[start : start + rows],
                cache,
                said,
                max_tokens,
                yield_hook,
                device,
            )
    return [
        Answer(
            encoder.decode([t for t in ids if t != encoder.eos]),
            tuple(t for t in ids if t != encoder.eos),
            bool(ids) and ids[-1] == encoder.eos,
        )
        for ids in said
    ]


def _run(
    model: Any,
    encoder: Encoder,
    prompts: Sequence[tuple[int, ...]],
    chosen: list[int],
    prefix_cache: Any,
    said: list[list[int]],
    max_tokens: int,
    yield_hook: Callable[[], None] | None,
    device: str,
) -> None:
    """Answer the chosen prompts into `said`."""
    shared = len(encoder.prefix)
    rests = [prompts[i][shared:] for i in chosen]
    width = max(map(len, rests))
    cache = copy.deepcopy(prefix_cache)
    if shared:
        cache.batch_repeat_interleave(len(chosen))
    ids = torch.full((len(chosen), width), encoder.eos, device=device)
    mask = torch.zeros(len(chosen), shared + width, dtype=torch.long, device=device)
    mask[:, :shared] = 1
    positions = torch.zeros(len(chosen), width, dtype=torch.long, device=device)
    for row, rest in enumerate(rests):
        pad = width - len(rest)
        ids[row, pad:] = torch.tensor(rest, device=device)
        mask[row, shared + pad :] = 1
        positions[row, pad:] = torch.arange(shared, shared + len(rest), device=device)
    live = list(chosen)
    last = positions[:, -1:]
    for step in range(max_tokens):
        out = model.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        token = model.lm_head(out.last_hidden_state[:, -1].contiguous()).argmax(-1)
        for i, value in zip(live, token.tolist(), strict=True):
            said[i].append(value)
        keep = [row for row, value in enumerate(token.tolist()) if value != encoder.eos]
        if not keep or step == max_tokens - 1:
            return
        if len(keep) < len(live):
            rows = torch.tensor(keep, device=device)
            cache.batch_select_indices(rows)
            token, mask, last = token[rows], mask[rows], last[rows]
            live = [live[row] for row in keep]
        mask = torch.cat([mask, torch.ones(len(live), 1, dtype=torch.long, device=device)], 1)
        last = last + 1
        ids, positions = token[:, None], last
        if yield_hook is not None:
            yield_hook()
