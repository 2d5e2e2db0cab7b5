"""Whether a text is what it looks like: hidden characters, forged chat markup, binary data, sheer size."""

from __future__ import annotations

import re

from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source, Span
from guardian.unicode import canonical, disguised_characters, hidden_characters, repaired

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_MARKUP = re.compile(
    r"<\s*\|\s*/?\s*[\w .-]{1,40}\s*\|\s*>"  # <|im_start|>, <|user|>, <|eot_id|>, <|begin_of_text|>
    r"|</?\s*(?:start_of_turn|end_of_turn|start_of_image|bos|eos|pad|unk|s|think|tool_call|tool_response)\s*>"
    r"|\[/?\s*(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s*\]"
    r"|<<\s*/?\s*SYS\s*>>"
    r"|<｜[^｜>]{1,40}｜>"
    r"|\b(?:GPT4 Correct (?:User|Assistant)|<?/?s>\s*(?:Human|Assistant)):",
    re.IGNORECASE,
)
_MIXED = re.compile(r"[a-zA-Z][а-яА-ЯёЁіІјЈѕЅ]|[а-яА-ЯёЁіІјЈѕЅ][a-zA-Z]")
_MARKS = re.compile(r"[\u0300-\u036f]{4,}")


class CanonicalForm:
    """Blocks chat-control tokens, tag characters, binary data and oversized text; takes out what is hidden.

    Not covered: instructions in plain words (`instruction`), text encoded as base64 or the like, look-alike
    words written wholly in another alphabet, and the user's message beyond size and forged markup.
    """

    name = "canonical"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """Findings of prompt, completion and the user's message."""
        return (
            *self._part("prompt", candidate.prompt),
            *self._part("completion", candidate.completion),
            *self._source(source),
        )

    def repair(self, candidate: Candidate) -> Candidate:
        """Both parts without hidden characters, disguised letters written plainly."""
        return Candidate(repaired(candidate.prompt), repaired(candidate.completion))

    def _part(self, part: Part, text: str) -> tuple[Finding, ...]:
        if len(text) > self._policy.max_chars:
            return (
                self._finding(
                    Decision.BLOCK,
                    "too_long",
                    f"{len(text)} characters; at most {self._policy.max_chars} are judged.",
                    part,
                ),
            )
        if part == "completion" and not text.strip():
            return (self._finding(Decision.BLOCK, "empty", "There is nothing to learn: the text is empty."),)
        return tuple(self._disguise(part, text))

    def _disguise(self, part: Part, text: str) -> list[Finding]:
        found: list[Finding] = []
        plain = canonical(text)
        controls = tuple(Span(m.start(), m.end()) for m in _CONTROL.finditer(text))
        if controls:
            found.append(
                self._finding(
                    Decision.BLOCK, "binary", "Control or broken characters, not text.", part, controls
                )
            )
        markup = tuple(plain.span(m.start(), m.end()) for m in _MARKUP.finditer(plain.text))
        if markup:
            found.append(
                self._finding(
                    Decision.BLOCK,
                    "chat_markup",
                    "Markup of a chat template: it would forge another speaker's words in training.",
                    part,
                    markup,
                )
            )
        hidden = hidden_characters(text)
        if any(kind == "tag" for _, kind in hidden):
            spans = tuple(Span(i, i + 1) for i, kind in hidden if kind == "tag")
            found.append(
                self._finding(
                    Decision.BLOCK, "smuggled_text", "Invisible characters that can spell.", part, spans
                )
            )
        disguised = disguised_characters(text)
        if hidden or disguised:
            spans = tuple(Span(i, i + 1) for i in sorted({i for i, _ in hidden} | set(disguised)))
            found.append(
                self._finding(
                    Decision.REDACT,
                    "hidden_characters",
                    "Characters that a reader cannot see, or letters in disguise; they are taken out.",
                    part,
                    spans,
                )
            )
        if _MIXED.search(text) or _MARKS.search(text):
            found.append(
                self._finding(
                    Decision.QUARANTINE,
                    "mixed_scripts",
                    "Look-alike letters of two alphabets in one word.",
                    part,
                )
            )
        return found

    def _source(self, source: Source) -> tuple[Finding, ...]:
        if len(source.text) > self._policy.max_source_chars:
            reason = f"The user's message has {len(source.text)} characters: too long to have been typed."
            return (self._finding(Decision.BLOCK, "source_too_long", reason),)
        if _MARKUP.search(canonical(source.text).text):
            reason = (
                "The user's message holds markup of a chat template: what was written from it may be forged."
            )
            return (self._finding(Decision.QUARANTINE, "source_chat_markup", reason),)
        if any(kind == "tag" for _, kind in hidden_characters(source.text)):
            reason = "The user's message holds invisible characters that can spell."
            return (self._finding(Decision.QUARANTINE, "source_smuggled_text", reason),)
        return ()

    def _finding(
        self,
        action: Decision,
        label: str,
        evidence: str,
        part: Part = "completion",
        spans: tuple[Span, ...] = (),
    ) -> Finding:
        scope = Scope.GLOBAL if action is Decision.REDACT else Scope.NONE
        return Finding(
            self.name,
            self.backend,
            action,
            scope,
            label=label,
            score=1.0,
            threshold=1.0,
            part=part,
            spans=spans,
            evidence=evidence,
        )


def without_markup(text: str) -> str:
    """`text` without markup of chat templates, also such as would appear when other markup is taken out."""
    before = ""
    while before != text:
        before, text = text, _MARKUP.sub(" ", text)
    return text
