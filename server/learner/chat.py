"""From words to tokens, in the serving chat template and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.learner.errors import ExampleTooLong, NoChatTemplate


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation as tokens: what is given and what the model should say, end of turn included."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Both, in order."""
        return self.prompt + self.answer


class Encoder:
    """Encodes single questions and answers as a chat request would be encoded."""

    def __init__(self, tokenizer: Any, max_model_len: int) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise NoChatTemplate(
                "the tokenizer has no chat template, so nothing can be trained in the form that is served: "
                "add chat_template.jinja to the model folder or use an instruct model"
            )
        self.tokenizer = tokenizer
        self.max_model_len = max_model_len
        self.eos: int = tokenizer.eos_token_id
        first, second = self.prompt("Aa"), self.prompt("Zz zz")
        shared = 0
        while shared < min(len(first), len(second)) - 1 and first[shared] == second[shared]:
            shared += 1
        self.prefix = first[:shared]
        """Tokens that every encoded prompt starts with (a template's own system message)."""

    def prompt(self, question: str) -> tuple[int, ...]:
        """One user message, up to where the assistant begins to speak."""
        return tuple(self._apply([{"role": "user", "content": question}], True))

    def example(self, question: str, answer: str, spare: int = 0) -> Encoded:
        """A question and the whole answer, with `spare` tokens of the context left. Raises ExampleTooLong."""
        prompt = self.prompt(question)
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        whole = tuple(self._apply(messages, False))
        if whole[: len(prompt)] == prompt and self.eos in whole[len(prompt) :]:
            tail = whole[len(prompt) :]
            end = len(tail) - tail[::-1].index(self.eos)
            encoded = Encoded(prompt, tail[:end])
        else:  # a template that writes past answers differently from the one being generated
            ids = self.tokenizer.encode(answer, add_special_tokens=False)
            encoded = Encoded(prompt, (*ids, self.eos))
        return self._fitting(encoded, question, spare)

    def conversation(self, messages: list[dict[str, str]], answer: str) -> Encoded:
        """Several messages, the last a user's, and the answer to it. Raises ExampleTooLong."""
        ids = self.tokenizer.encode(answer, add_special_tokens=False)
        return self._fitting(Encoded(tuple(self._apply(messages, True)), (*ids, self.eos)), answer)

    def decode(self, ids: Sequence[int]) -> str:
        """Plain words of generated tokens, stripped."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _fitting(self, encoded: Encoded, text: str, spare: int = 0) -> Encoded:
        if len(encoded.ids) + spare > self.max_model_len:
            raise ExampleTooLong(
                f"an example has {len(encoded.ids)} tokens and the context of the model is "
                f"{self.max_model_len}, {spare} of them for other wordings: shorten {text[:60]!r}"
            )
        return encoded

    def _apply(self, messages: list[dict[str, str]], generate: bool) -> list[int]:
        ids: list[int] = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=generate, tokenize=True, return_dict=False
        )
        return ids
