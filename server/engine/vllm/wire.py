"""A request in vLLM's words, and vLLM's events as chunks.

Chat goes to /v1/chat/completions as it came, so that the replica's own template and parsers apply. Where the
assistant's words are given (`prefill`) the prompt is made of token ids: the template's ids with the turn
opened, then those of the words, which every template allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.engine.types import Chunk, FinishReason, GenerationRequest, TokenLogprob
from server.engine.vllm.errors import ReplicaFailed

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
MOST_LOGPROBS = 20
"""What vLLM allows unless it is told otherwise."""
IMPOSSIBLE = -9999.0
"""What vLLM writes for minus infinity: tokens that a grammar forbids."""
_ENDS: Mapping[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


def chat(request: GenerationRequest, model: str) -> dict[str, Any]:
    """The body for a streamed chat answer."""
    body = _common(request, model) | conversation(request)
    asked = request.sampling.logprobs
    if asked is not None:
        body |= {"logprobs": True, "top_logprobs": _alternatives(asked)}
    return body


def completion(request: GenerationRequest, model: str, prompt: Sequence[int] | str) -> dict[str, Any]:
    """The body for a streamed answer that goes on after a prompt of token ids, or of raw text."""
    body = _common(request, model) | {"prompt": prompt}
    asked = request.sampling.logprobs
    return body if asked is None else body | {"logprobs": _alternatives(asked)}


def conversation(request: GenerationRequest) -> dict[str, Any]:
    """What the chat template is given: the messages, and the tools that it shows the model."""
    plain = [{"role": m.role, "content": m.content} for m in request.messages]
    said: dict[str, Any] = {"messages": list(request.history) or plain}
    return said | ({"tools": request.options["tools"]} if request.options.get("tools") else {})


def chunk(event: Mapping[str, Any], asked: int | None) -> Chunk | None:
    """What an event adds to the answer; None for those that only say that it begins.

    `asked` is the number of alternatives wanted. Raises ReplicaFailed for what is no event of an answer.
    """
    try:
        choices = event["choices"]
        if not choices:
            return None
        choice = choices[0]
        delta = choice.get("delta")
        text = (delta.get("content") if delta is not None else choice.get("text")) or ""
        ids = tuple(choice.get("token_ids") or ())
        calls = tuple((delta or {}).get("tool_calls") or ())
        ended = choice.get("finish_reason")
        probabilities = () if asked is None else _logprobs(choice.get("logprobs"), asked)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ReplicaFailed(
            f"an event of an answer cannot be read ({type(error).__name__}: {error})"
        ) from error
    if not (text or ids or ended or calls):
        return None
    end = _ENDS.get(ended, "stop") if ended else None
    return Chunk(text, ids, probabilities, end, tool_calls=calls)


def usage(event: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tokens of prompt and answer, from the event that has them."""
    told = event.get("usage")
    if not isinstance(told, dict):
        return None
    return int(told.get("prompt_tokens") or 0), int(told.get("completion_tokens") or 0)


def _common(request: GenerationRequest, model: str) -> dict[str, Any]:
    sampling = request.sampling
    body: dict[str, Any] = {
        **request.options,
        "model": model,
        "request_id": request.id,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": max(1, sampling.max_tokens),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "return_token_ids": True,
    }
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = [text for text in sampling.stop if text]
    return body


def _alternatives(asked: int) -> int:
    """One more than asked: vLLM lists the chosen token among them even where it is not one of the best."""
    return min(asked + 1, MOST_LOGPROBS) if asked else 0


def _logprobs(told: Any, asked: int) -> tuple[tuple[TokenLogprob, tuple[TokenLogprob, ...]], ...]:
    if not told:
        return ()
    if "content" in told:  # chat
        return tuple(
            (_token(step), _best([_token(other) for other in step["top_logprobs"]], asked))
            for step in told["content"] or ()
        )
    others = told.get("top_logprobs") or [None] * len(told["tokens"])
    return tuple(
        (TokenLogprob(token, value), _best([TokenLogprob(*pair) for pair in (top or {}).items()], asked))
        for token, value, top in zip(told["tokens"], told["token_logprobs"], others, strict=True)
    )


def _token(step: Mapping[str, Any]) -> TokenLogprob:
    return TokenLogprob(str(step["token"]), float(step["logprob"]))


def _best(tokens: list[TokenLogprob], asked: int) -> tuple[TokenLogprob, ...]:
    possible = [token for token in tokens if token.logprob > IMPOSSIBLE]
    return tuple(sorted(possible, key=lambda t: -t.logprob)[:asked])
