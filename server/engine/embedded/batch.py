"""Who runs when. Every step decodes one token for each running answer and reads in part of the new prompts.

What a prompt has in common with one read before it is not read again (server.engine.embedded.prefixes).

Rows in use are 0..n-1: first those that decode, then those that still read their prompt. When one leaves, the
last takes its place. Chat comes before background work: a background answer gets a row only when no chat
request waits, and is sent back to its queue (keeping what it has said) when a chat request needs the row or
the memory, or when more of them run beside chat than one for CHAT_ROWS of its answers. The same happens to
the newest answer when the cache's budget does not hold all that run. What is read for background work beside
chat is bounded by what it costs chat (server.engine.embedded.beside).

A text to be scored is a row like another: it is read in, says nothing, and ends when all of it is read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from torch import Tensor

from server.engine.embedded.answer import Answer, Scored
from server.engine.embedded.attention import Span
from server.engine.embedded.beside import Beside
from server.engine.embedded.constraint import restrict
from server.engine.embedded.forward import Forward
from server.engine.embedded.prefixes import Prefixes
from server.engine.embedded.sampling import choose
from server.engine.types import Chunk, EngineError


class Part(NamedTuple):
    """Of one prompt, what a step reads in."""

    row: int
    past: int
    """Tokens before it: read already, or known from another prompt."""
    new: int


Row = Answer | Scored
Said = list[tuple[Row, Chunk | EngineError]]

_HEADROOM_TOKENS = 64
"""An answer is admitted only when the cache would hold this much more of it."""
_LEAST_READING_TOKENS = 32
CHAT_ROWS = 4
"""A row more makes a step longer for all: so many chat answers allow one background answer beside them."""


class Batch:
    """The running and the waiting answers. Used by one thread."""

    def __init__(self, forward: Forward, max_batch: int, step_tokens: int) -> None:
        self._forward = forward
        self.beside = Beside(step_tokens)
        self._cache = forward.cache
        self.prefixes = Prefixes(forward.cache)
        self._max_batch = max_batch
        self._step_tokens = step_tokens
        self._rows: list[Row] = []
        self._decoding = 0
        self._admissions = 0
        self._chat: deque[Row] = deque()
        self._background: deque[Row] = deque()

    @property
    def running(self) -> int:
        """Answers that have a row."""
        return len(self._rows)

    @property
    def idle(self) -> bool:
        """Whether a step would do nothing."""
        return not (self._rows or self._chat or self._background)

    def submit(self, answer: Row) -> None:
        """Queue an answer; the next steps admit it."""
        self._queue(answer).append(answer)

    def cancel(self, answer: Row) -> None:
        """Free the answer's row or its place in the queue. One that has ended already is no error."""
        if answer in self._rows:
            self._leave(self._rows.index(answer))
        elif answer in self._queue(answer):
            self._queue(answer).remove(answer)
        if not self._rows:
            self._cache.rest()

    def step(self) -> Said:
        """Run the model once; what it added to each answer, the ended ones included."""
        self._admit()
        reading = self._reading()
        while not self._fits(reading):
            self._send_back(self._newest())
            reading = self._reading()
        if not self._rows:
            return []
        self._cache.reserve(len(self._rows), self._length(reading))
        self._paste(reading)
        chat, decoding = self._chat_runs(), self._decoding
        background = sum(part.new for part in reading if self._rows[part.row].request.background)
        for_chat = any(not self._rows[part.row].request.background for part in reading)
        began = time.perf_counter()
        said = self._run(reading)
        if chat and not for_chat:
            self.beside.note(decoding, background, time.perf_counter() - began)
        for answer, chunk in said:
            if isinstance(chunk, EngineError):
                self._leave(self._rows.index(answer))
            elif chunk.finish_reason is not None:
                row = self._rows.index(answer)
                if not answer.request.background:  # a conversation goes on with what was said
                    self.prefixes.keep(answer.root, answer.tokens[: answer.filled], row)
                self._leave(row)
        if not self._rows:
            self._cache.rest()
        return said

    def _run(self, reading: Sequence[Part]) -> Said:
        decoders = self._rows[: self._decoding]
        tokens = [answer.tokens[-1] for answer in decoders]
        positions = [answer.filled for answer in decoders]
        rows = list(range(len(decoders)))
        spans = []
        for row, past, count in reading:
            spans.append(Span(len(tokens), len(tokens) + count, row, past))
            tokens += self._rows[row].tokens[past : past + count]
            positions += range(past, past + count)
            rows += [row] * count
        runners = decoders + [self._rows[part.row] for part in reading]
        wanted = [[n] for n in range(len(decoders))]
        wanted += [
            [span.start + n for n in self._rows[part.row].told(part.past, part.new)]
            for span, part in zip(spans, reading, strict=True)
        ]
        logits = self._forward.step(
            tokens,
            positions,
            rows,
            len(decoders),
            spans,
            [answer.graft for answer in runners],
            [n for own in wanted for n in own],
        )
        ends = list(accumulate(map(len, wanted)))
        said: Said = []
        speakers: dict[Answer, int] = {}
        for answer, own, end, new in zip(
            runners, wanted, ends, [1] * len(decoders) + [part.new for part in reading], strict=True
        ):
            answer.filled += new
            if isinstance(answer, Scored):
                scored = answer.take(new, logits[end - len(own) : end])
                said += [(answer, scored)] if scored is not None else []
            elif not answer.remaining:
                speakers[answer] = end - 1
        if len(speakers) < len(logits):
            logits = logits[list(speakers.values())]
        said += self._say(list(speakers), logits)
        begun = [(answer, chunk) for answer, chunk in said if self._rows.index(answer) >= len(decoders)]
        for answer, chunk in begun:
            if not isinstance(chunk, EngineError):  # what was read may be no numbers
                self.prefixes.keep(answer.root, answer.tokens[: answer.filled], self._rows.index(answer))
            if isinstance(answer, Answer):
                self._promote(answer)
        return said

    def _say(self, speakers: Sequence[Answer], logits: Tensor) -> Said:
        """Choose the next token of each; logits (speakers, vocabulary)."""
        if not speakers:
            return []
        logits = restrict(logits, [answer.constraint for answer in speakers])
        chosen = choose(logits, [a.request.sampling for a in speakers], [a.rng for a in speakers])
        return [
            (answer, _overflow(answer) if token is None else answer.say(token, row))
            for answer, token, row in zip(speakers, chosen, logits, strict=True)
        ]

    def _admit(self) -> None:
        while self._beside_chat() < 0:
            self._send_back(self._newest())
        while queue := self._chat or self._background:
            answer = queue[0]
            if answer.request.background and not self._beside_chat():
                return
            longest = max((len(a.tokens) for a in [*self._rows, answer]), default=0) + _HEADROOM_TOKENS
            room = len(self._rows) < self._max_batch and self._cache.fits(len(self._rows) + 1, longest)
            if not room:
                newest = self._newest() if self._rows else None
                if newest is None or not newest.request.background or answer.request.background:
                    return
                self._send_back(newest)
                continue
            self._admissions += 1
            answer.admitted = self._admissions
            self._rows.append(queue.popleft())

    def _beside_chat(self) -> int:
        """How many more background answers may run now; below zero, how many must go back."""
        background = sum(answer.request.background for answer in self._rows)
        chat = len(self._rows) - background + len(self._chat)
        return (max(1, chat // CHAT_ROWS) if chat else self._max_batch) - background

    def _reading(self) -> list[Part]:
        """The prompts to read in this step: chat before background, then oldest first."""
        budget = max(self._step_tokens - self._decoding, _LEAST_READING_TOKENS)
        chat = self._chat_runs()
        chosen: list[Part] = []
        order = range(self._decoding, len(self._rows))
        for row in sorted(order, key=lambda n: self._rows[n].request.background):
            answer = self._rows[row]
            if chat and answer.request.background:
                budget = min(budget, self.beside.allowed(self._decoding) - sum(p.new for p in chosen))
            if budget <= 0:
                break
            past = answer.filled or self.prefixes.known(answer.root, answer.shared)
            chosen.append(Part(row, past, min(len(answer.tokens) - past, budget)))
            budget -= chosen[-1].new
        return chosen

    def _chat_runs(self) -> bool:
        """Whether somebody waits for the next token of an answer."""
        return any(not answer.request.background for answer in self._rows[: self._decoding])

    def _paste(self, reading: Sequence[Part]) -> None:
        for row, past, _ in reading:
            answer = self._rows[row]
            if past > answer.filled:
                self.prefixes.paste(answer.root, answer.shared, row)
                answer.filled = past
        self.prefixes.trim()

    def _length(self, reading: Sequence[Part]) -> int:
        decoded = max((a.filled + 1 for a in self._rows[: self._decoding]), default=0)
        return max(decoded, max((part.past + part.new for part in reading), default=0))

    def _fits(self, reading: Sequence[Part]) -> bool:
        return self._cache.fits(len(self._rows), self._length(reading))

    def _newest(self) -> Row:
        """The last admitted, but background before chat."""
        return max(self._rows, key=lambda a: (a.request.background, a.admitted))

    def _queue(self, answer: Row) -> deque[Row]:
        return self._background if answer.request.background else self._chat

    def _send_back(self, answer: Row) -> None:
        self._leave(self._rows.index(answer))
        answer.filled = 0
        self._queue(answer).appendleft(answer)

    def _promote(self, answer: Row) -> None:
        row, target = self._rows.index(answer), self._decoding
        if row != target:
            other = self._rows[target]
            self._cache.swap(row, target, max(answer.filled, other.filled))
            self._rows[row], self._rows[target] = other, answer
        self._decoding += 1

    def _leave(self, row: int) -> None:
        self._cache.wipe(row, self._rows[row].filled)
        if row < self._decoding:
            self._decoding -= 1
            self._move(self._decoding, row)
            row = self._decoding
        self._move(len(self._rows) - 1, row)
        self._rows.pop()

    def _move(self, source: int, target: int) -> None:
        if source != target:
            self._cache.move(source, target, self._rows[source].filled)
            self._rows[target] = self._rows[source]


def _overflow(answer: Row) -> EngineError:
    return EngineError(
        f"version {answer.request.version} gave numbers that are not finite after "
        f"{len(answer.tokens)} tokens; roll back to a version that does not"
    )
