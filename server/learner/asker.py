"""Asks the weights that are active now, and generates only what they do not say again word for word.

What another version said to the same question is put to the model in one pass. If each of its tokens is the
most probable one after those before it, greedy decoding would say exactly this, so it is not generated: most
answers of a candidate are its parent's, or those that it was trained to give. The pass costs about as much as
reading the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from server.learner.chat import Encoded, Encoder
from server.learner.gate.voice import Scored, Voice
from server.learner.generate import Answer, answers
from server.learner.pack import Packed
from server.learner.sizes import ROWS
from server.learner.split import SplitModel

AT_ONCE = 24
"""Examples in one pass."""


class Asker:
    """Remembers the newest answer to each question; `known` are answers to begin with."""

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        known: dict[str, Answer],
        yield_hook: Callable[[], None],
        device: str,
        rows: int = ROWS,
        expected: Mapping[str, str] | None = None,
    ) -> None:
        """`rows`: answers generated at once. `expected`: what was trained to be the answer, which is tried
        in the same way before anything is generated."""
        self._rows = rows
        self._model = model
        self._encoder = encoder
        self._newest = dict(known)
        self._expected = {asked: self._told(answer) for asked, answer in (expected or {}).items()}
        self._yield = yield_hook
        self._device = device
        self.generated = 0
        self.confirmed = 0

    @property
    def voice(self) -> Voice:
        """This asker as the gate takes it. It speaks for whatever weights are active when it is asked."""
        vocabulary = self._model.get_output_embeddings().weight.shape[0]
        return Voice(self.ask, self.score, math.log(vocabulary))

    def ask(self, questions: Sequence[str]) -> list[Answer]:
        """One greedy answer per question."""
        every = dict.fromkeys(questions)
        same = self._said({q: self._newest[q] for q in every if q in self._newest})
        trained = self._said({q: self._expected[q] for q in every if q in self._expected and q not in same})
        self._newest |= {question: self._expected[question] for question in trained}
        same |= trained
        new = [q for q in every if q not in same]
        said = answers(
            self._model, self._encoder, new, yield_hook=self._yield, device=self._device, rows=self._rows
        )
        self._newest |= dict(zip(new, said, strict=True))
        self.generated += len(new)
        self.confirmed += len(same)
        return [self._newest[question] for question in questions]

    def score(self, wanted: Sequence[Scored]) -> list[np.ndarray]:
        """Log-probability in nats of each wanted token."""
        found: list[np.ndarray] = []
        for packed, best, log_probs in self._passes([self._wanted(scored) for scored in wanted]):
            del best
            found += [log_probs[packed.owner == i].numpy() for i in range(len(packed.places))]
        return found

    def _told(self, answer: str) -> Answer:
        ids = self._encoder.tokenizer.encode(answer, add_special_tokens=False)
        return Answer(answer.strip(), tuple(ids), True)

    def _said(self, candidates: Mapping[str, Answer]) -> set[str]:
        """The questions whose answer here is also the one that would be generated now."""
        same: list[bool] = []
        encoded = [self._whole(question, answer) for question, answer in candidates.items()]
        for packed, best, _ in self._passes(encoded):
            right = best == packed.targets
            same += [bool(right[packed.owner == i].all()) for i in range(len(packed.places))]
        return {question for question, as_before in zip(candidates, same, strict=True) if as_before}

    def _passes(self, encoded: Sequence[Encoded]) -> list[tuple[Packed, torch.Tensor, torch.Tensor]]:
        """Per pass: the layout; of each answer token the most probable one, and the log-probability told."""
        split = SplitModel(self._model.model, 0, self._encoder.prefix, self._device)
        head = self._model.get_output_embeddings().weight
        found = []
        with torch.inference_mode():
            for start in range(0, len(encoded), AT_ONCE):
                hidden, packed = split.hidden(encoded[start : start + AT_ONCE])
                best, told = [], []
                targets = packed.targets.to(hidden.device)
                for rows, wanted in zip(torch.split(hidden, 64), torch.split(targets, 64), strict=True):
                    logits = (rows @ head.t()).float()
                    best.append(logits.argmax(-1).cpu())
                    told.append(logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0].cpu())
                found.append((packed, torch.cat(best), torch.cat(told)))
                self._yield()
        return found

    def _whole(self, question: str, answer: Answer) -> Encoded:
        ids = (*answer.ids, self._encoder.eos) if answer.ended else answer.ids
        return Encoded(self._encoder.prompt(question), ids)

    def _wanted(self, scored: Scored) -> Encoded:
        """The given words moved into the prompt; a token that spans both counts as wanted."""
        encode = self._encoder.tokenizer.encode
        whole = encode(scored.given + scored.wanted, add_special_tokens=False)
        given = encode(scored.given.rstrip(), add_special_tokens=False) if scored.given else []
        shared = 0
        while shared < min(len(given), len(whole) - 1) and given[shared] == whole[shared]:
            shared += 1
        return Encoded((*self._encoder.prompt(scored.question), *whole[:shared]), tuple(whole[shared:]))
