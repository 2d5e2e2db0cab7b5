"""Text completions as JSON and as a stream of chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from server.api.ask import Ask
from server.api.capture import Outcome
from server.api.errors import ApiError
from server.api.wire import DONE, Origin, Said, event, token_logprobs, turn_note, usage
from server.engine.types import Chunk


class CompletionForm:
    """OpenAI's `text_completion`, the same object whole and in chunks."""

    def __init__(self, origin: Origin, ask: Ask) -> None:
        self._ask = ask
        self._with_logprobs = ask.sampling.logprobs is not None
        self._offsets = [0] * ask.answers
        """Where each answer's next token begins, in characters."""
        self._head: dict[str, Any] = {
            "id": f"cmpl-{origin.id}",
            "object": "text_completion",
            "created": origin.created,
            **origin.named(),
        }

    def whole(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None
    ) -> dict[str, Any]:
        """All texts; answer k of prompt p has the index p × n + k."""
        choices = [
            self._choice(index, said.text, said.logprobs, said.finish_reason)
            for index, said in enumerate(answers)
        ]
        used = usage(answers, self._ask.choices)
        return {**self._head, "turn": turn_note(outcome), "choices": choices, "usage": used}

    def begin(self) -> Iterable[bytes]:
        """Nothing: a text has no role."""
        return ()

    def step(self, index: int, chunk: Chunk) -> bytes:
        """A piece of one text."""
        return self._chunk([self._choice(index, chunk.text, token_logprobs(chunk), None)])

    def end(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None, held: bool
    ) -> Iterator[bytes]:
        """Why each text ended, the turn, the usage."""
        self._head["turn"] = turn_note(outcome)
        for index, said in enumerate(answers):
            yield self._chunk([self._choice(index, "", [], said.finish_reason)])
        if self._ask.include_usage:
            yield event({**self._head, "choices": [], "usage": usage(answers, self._ask.choices)})
        yield DONE

    def broken(self, error: ApiError) -> Iterable[bytes]:
        """One event with the error; no [DONE] follows."""
        return (event(error.body()),)

    def _chunk(self, choices: list[dict[str, Any]]) -> bytes:
        used = {"usage": None} if self._ask.include_usage else {}
        return event({**self._head, "choices": choices, **used})

    def _choice(
        self, index: int, text: str, tokens: list[dict[str, Any]], finish_reason: str | None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(index, tokens) if self._with_logprobs else None
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}

    def _logprobs(self, index: int, tokens: list[dict[str, Any]]) -> dict[str, Any]:
        offsets = []
        for token in tokens:
            offsets.append(self._offsets[index])
            self._offsets[index] += len(token["token"])
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [
                {other["token"]: other["logprob"] for other in token["top_logprobs"]} for token in tokens
            ],
            "text_offset": offsets,
        }
