"""Hold answers to a grammar: compiled beside the engine's thread, asked once a row and step.

llguidance (https://github.com/guidance-ai/llguidance) says which tokens may come next; what it forbids gets a
logit of minus infinity before a token is chosen. So sampling and log-probabilities are those of the model
among the tokens that the grammar allows, as in vLLM.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from numpy.typing import NDArray
from torch import Tensor

from server.engine.embedded.chat import Chat
from server.engine.embedded.grammar import Grammar, grammar
from server.engine.types import RequestRefused

LIMITS = LLParserLimits(
    initial_lexer_fuel=100_000, step_lexer_fuel=50_000, step_max_items=20_000, verbose_errors=False
)
"""What a grammar may cost before it is refused. With these the worst patterns that were tried held up the
engine's thread once, for 40 ms; a thousand values or five hundred properties stay below 1 ms a step."""
COMPILE_SECONDS = 10.0
_STACK_BYTES = 256 * 2**20
"""Compiling goes down one call for each level of a schema, and a reference is a level: 64 KiB of text have
room for enough of them to overflow the usual 8 MiB, which ends the process. Only pages in use take memory."""
_KEPT = 32
_LINE = re.compile(r"at (\d+)\(\d+\): (?:failed to compile JSON schema: )?")


class Constraint:
    """What one answer may say next. Made by `Grammars`, then used by the engine's thread."""

    __slots__ = ("_field", "_matcher", "words")

    def __init__(self, matcher: LLMatcher, field: str, tokens: int) -> None:
        self._matcher = matcher
        self._field = field
        self.words = -(-tokens // 32)
        """How many times 32 bits a mask of the vocabulary has."""

    @property
    def ended(self) -> bool:
        """Whether nothing more may be said."""
        return self._matcher.is_stopped()

    def allow(self, bits: NDArray[np.int32]) -> None:
        """Write which tokens may come next into `bits` (words,), a token a bit, the lowest first."""
        self._matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)

    def take(self, token: int, end: bool) -> RequestRefused | None:
        """Go on to the token that was chosen, or to the end; the error where that is not possible."""
        matcher = self._matcher
        if not matcher.is_error() and (matcher.is_accepting() if end else matcher.consume_token(token)):
            return None
        why = _why(matcher.get_error()) or "it cannot be written with this model's tokens"
        return RequestRefused(f"{self._field} is too much to be followed to its end: {why}", self._field)


class Grammars:
    """The grammars of one model. Until a request asks for one nothing is made and no thread started."""

    def __init__(self) -> None:
        self._chat: Chat
        self._vocabulary: int
        self._thread: ThreadPoolExecutor | None = None
        self._tokenizer: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()

    def open(self, chat: Chat, vocabulary: int) -> None:
        """Say whose they are; `vocabulary` is the width of the model's logits."""
        self._chat, self._vocabulary = chat, vocabulary

    async def constraint(self, options: Mapping[str, Any]) -> Constraint | None:
        """What the options hold an answer to, None for nothing. Raises RequestRefused naming the field."""
        wanted = grammar(options) if options else None
        if wanted is None:
            return None
        field = wanted.fields[1]
        thread = self._thread or self._start()
        work = asyncio.get_running_loop().run_in_executor(thread, self._matcher, wanted)
        try:
            async with asyncio.timeout(COMPILE_SECONDS):
                matcher, tokens = await work
        except TimeoutError:
            raise RequestRefused(
                f"{field} was not compiled within {COMPILE_SECONDS:g} seconds; simplify it", field
            ) from None
        return Constraint(matcher, field, tokens)

    def close(self) -> None:
        """Compile nothing more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> ThreadPoolExecutor:
        self._thread = ThreadPoolExecutor(1, "livegraft-grammars")
        before = threading.stack_size(_STACK_BYTES)
        try:
            self._thread.submit(int)  # starts the thread, with the stack that is asked for now
        finally:
            threading.stack_size(before)
        return self._thread

    def _matcher(self, wanted: Grammar) -> tuple[LLMatcher, int]:
        """(a matcher at the beginning of the grammar, how many tokens it knows). In the thread for it."""
        if self._tokenizer is None:
            self._tokenizer = self._make_tokenizer(wanted.fields[1])
        if wanted.text not in self._compiled:
            self._compiled[wanted.text] = _compile(self._tokenizer, wanted)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(wanted.text)
        return self._compiled[wanted.text].deep_copy(), self._tokenizer.vocab_size

    def _make_tokenizer(self, field: str) -> LLTokenizer:
        from llguidance.hf import from_tokenizer  # takes all of transformers along

        try:
            tokenizer = self._chat.tokenizer
            width = max(self._vocabulary, len(tokenizer))
            return from_tokenizer(tokenizer, n_vocab=width, eos_token=sorted(self._chat.end_tokens))
        except Exception as error:  # whatever it finds strange about a tokenizer
            raise RequestRefused(
                f"{field} cannot be kept by this model, whose tokenizer shows no bytes: {error}", field
            ) from error


def _compile(tokenizer: LLTokenizer, wanted: Grammar) -> LLMatcher:
    matcher = LLMatcher(tokenizer, wanted.text, log_level=0, limits=LIMITS)
    if not matcher.is_error():
        matcher.compute_bitmask()
        # a lexer is built when its place is reached: what is too much shows behind the words that must come
        ahead = matcher.deep_copy()
        ahead.consume_tokens(tokenizer.tokenize_bytes(ahead.compute_ff_bytes()))
        ahead.compute_bitmask()
        if ahead.is_error():
            raise _refusal(wanted, ahead.get_error())
    if matcher.is_error():
        raise _refusal(wanted, matcher.get_error())
    return matcher


def restrict(logits: Tensor, constraints: Sequence[Constraint | None]) -> Tensor:
    """Logits (rows, vocabulary) with minus infinity for what each row's constraint forbids."""
    held = [(row, constraint) for row, constraint in enumerate(constraints) if constraint is not None]
    if not held:
        return logits
    bits = np.zeros((len(held), held[0][1].words), np.int32)
    for place, (_, constraint) in enumerate(held):
        constraint.allow(bits[place])
    allowed = np.unpackbits(bits.view(np.uint8), axis=1, count=logits.shape[1], bitorder="little")
    forbidden = torch.from_numpy(allowed == 0).to(logits.device)
    if len(held) == len(constraints):
        return logits.masked_fill(forbidden, -torch.inf)
    rows = torch.tensor([row for row, _ in held], device=logits.device)
    return logits.index_copy(0, rows, logits[rows].masked_fill(forbidden, -torch.inf))


def _refusal(wanted: Grammar, message: str) -> RequestRefused:
    """llguidance's words, and the field that the line of the grammar comes from."""
    found = _LINE.search(message)
    field = wanted.fields[int(found[1]) - 1] if found else wanted.fields[1]
    return RequestRefused(f"{field} cannot be used: {_why(_LINE.sub('', message))}", field)


def _why(message: str) -> str:
    """What it says, before it quotes the grammar or gives advice on writing one."""
    return " ".join(re.split(r"\n\s*\d+ \||\s<(?:state|non-verbose)|; consider", message)[0].split())[:500]
