"""One answer in the making: what has been read in, what has been said, and how it ends."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from server.engine.embedded.chat import Chat, TextStream
from server.engine.embedded.constraint import Constraint
from server.engine.embedded.prefixes import Root
from server.engine.embedded.sampling import log_probabilities
from server.engine.text import StopFilter
from server.engine.tool_calls import Calls, tool_call_filter
from server.engine.types import Chunk, EngineError, FinishReason, GenerationRequest, TokenLogprob


class Scored:
    """The worker's record of a text whose probability is asked for: read like a prompt, it says nothing.

    Has what a batch needs to know of an answer (Answer).
    """

    __slots__ = ("_found", "admitted", "filled", "first", "graft", "request", "root", "tokens")

    def __init__(self, request: GenerationRequest, tokens: list[int], first: int, graft: str | None) -> None:
        """The tokens from `first`, which is at least 1, are scored."""
        self.request = request
        self.graft = graft
        self.root = Root(graft, request.cache_salt)
        self.tokens = tokens
        self.first = first
        self.filled = 0
        self.admitted = 0
        self._found: dict[int, float] = {}

    @property
    def remaining(self) -> int:
        """Tokens that have to run through the model."""
        return len(self.tokens) - self.filled

    @property
    def shared(self) -> list[int]:
        """The token before the first that is scored has to be run: it predicts that one."""
        return self.tokens[: self.first]

    def told(self, past: int, new: int) -> list[int]:
        """Of a part that is read, the tokens that predict one that is scored."""
        return [n for n in range(new) if self.first <= past + n + 1 < len(self.tokens)]

    def take(self, new: int, logits: Tensor) -> Chunk | None:
        """The last `new` of the tokens that were read, with the logits (told, vocabulary) after those that
        `told` names. With the last part the chunk that ends it, its log-probabilities those of the text."""
        past = self.filled - new
        said = [self.tokens[past + n + 1] for n in self.told(past, new)]
        if said:
            picked = torch.tensor(said, device=logits.device)[:, None]
            nats = logits.float().log_softmax(-1).gather(1, picked)[:, 0].tolist()
            self._found.update(zip((past + n + 1 for n in self.told(past, new)), nats, strict=True))
        if self.remaining:
            return None
        told = tuple((TokenLogprob("", self._found[n]), ()) for n in range(self.first, len(self.tokens)))
        return Chunk("", (), told, "stop", len(self.tokens))


class Answer:
    """The worker's record of a request. `tokens` is prompt and answer, `filled` of them are in the cache."""

    __slots__ = (
        "_chat",
        "_filter",
        "_text",
        "_tools",
        "admitted",
        "constraint",
        "filled",
        "graft",
        "limit",
        "prompt_tokens",
        "request",
        "rng",
        "root",
        "tokens",
    )

    def __init__(
        self,
        request: GenerationRequest,
        prompt: list[int],
        graft: str | None,
        max_model_len: int,
        chat: Chat,
        constraint: Constraint | None = None,
    ) -> None:
        self.request = request
        self.graft = graft
        """Key of the version's adapter; None for the base."""
        self.root = Root(graft, request.cache_salt)
        self.tokens = list(prompt)
        self.prompt_tokens = len(prompt)
        self.limit = min(len(prompt) + max(1, request.sampling.max_tokens), max_model_len)
        self.filled = 0
        self.admitted = 0
        """The batch's running number, given with a row."""
        self.rng = random.Random(request.sampling.seed)
        self.constraint = constraint
        """What it is held to; None for nothing."""
        self._chat = chat
        self._text = TextStream(chat)
        self._filter = StopFilter(request.sampling.stop)
        self._tools = tool_call_filter(request)

    @property
    def remaining(self) -> int:
        """Tokens that have to run through the model before the next one can be chosen."""
        return len(self.tokens) - self.filled

    @property
    def shared(self) -> list[int]:
        """Tokens whose beginning need not be read where another prompt had it."""
        return self.tokens

    @staticmethod
    def told(past: int, new: int) -> list[int]:
        """Of a part that is read, the tokens after which logits are wanted: the last."""
        return [new - 1]

    def say(self, token: int, logits: Tensor) -> Chunk | EngineError:
        """Add the chosen token; `logits` is the row (vocabulary,) that it was chosen from.

        An answer that is held to a grammar ends with it. The error is why it cannot be held to it any longer.
        """
        end, constraint = token in self._chat.end_tokens, self.constraint
        if constraint is not None and (broken := constraint.take(token, end)) is not None:
            return broken
        if end:
            return self._chunk(self._text.flush(), (), "stop", logits)
        self.tokens.append(token)
        ended: FinishReason | None = "length" if len(self.tokens) >= self.limit else None
        if constraint is not None and constraint.ended:
            ended = "stop"
        text = self._text.push(token)
        if ended:
            text += self._text.flush()
        return self._chunk(text, (token,), ended, logits)

    def _chunk(self, text: str, said: tuple[int, ...], ended: FinishReason | None, logits: Tensor) -> Chunk:
        text, stopped = self._filter.push(text)
        if stopped:
            ended = "stop"
        elif ended:
            text += self._filter.flush()
        calls: Calls = ()
        if self._tools is not None:
            text, calls = self._tools.push(text)
            if ended:
                rest, cut = self._tools.flush()
                text, calls = text + rest, calls + cut
            if ended == "stop":
                ended = self._tools.finish
        asked = self.request.sampling.logprobs
        return Chunk(
            text,
            said,
            () if asked is None else tuple(self._logprobs(t, logits, asked) for t in said),
            ended,
            self.prompt_tokens if ended else 0,
            len(self.tokens) - self.prompt_tokens if ended else 0,
            calls,
        )

    def _logprobs(
        self, token: int, logits: Tensor, asked: int
    ) -> tuple[TokenLogprob, tuple[TokenLogprob, ...]]:
        own, others = log_probabilities(logits, token, asked)
        piece = self._chat.piece
        return TokenLogprob(piece(token), own), tuple(TokenLogprob(piece(t), p) for t, p in others)
