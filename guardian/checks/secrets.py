"""Secrets: what opens something and must never stand in weights, which cannot be redacted afterwards."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from guardian.hashing import KeyedHash
from guardian.secret_rules import ASKED, CODE_RULES, PASSWORD_RULES, VENDOR_RULES, Rule, entropy_bits
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source, Span
from guardian.unicode import canonical, folded_readings
from guardian.vocabulary import DESCRIBES, STOPWORDS

_PLACEHOLDER = re.compile(
    r"(?i)^(?:[x*.•_-]+|<[^>]*>|\[[^\]]*\]|\{\{?[^}]*\}?\}|\$\{?\w+\}?|your[-_ ].*|my[-_]?(?:api[-_]?key|token|secret)|redacted|hidden|none|null|true|false|example|secret|password|token)$"
)
_NO_ANSWER = re.compile(
    r"(?i)\b(?:don't know|do not know|not know|can't (?:tell|share|say)|cannot (?:tell|share|say)|nobody has told|no idea|not (?:allowed|able) to)\b"
)
_CLAUSE_END = re.compile(
    r"[,;.!?)\"'`”’]*(?=\s(?:and|but|for|so|on|at|in|which|because|while|until|since|as|if|please|now)\b)|[,;!?)]+(?=\s|$)|\.(?:\s|$)|[\"`”]|\s-\s|$"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret found in a text: which rule, where in the canonical text."""

    rule: str
    start: int
    end: int
    value: str


class Secrets:
    """Blocks, at every scope, keys, tokens, passwords, PINs and entry codes, and questions that ask for one.

    A value that the user's message gives as a secret blocks any example that holds it, however worded.
    Findings hold spans and keyed hashes, never the secret.
    Not covered: languages other than English, secrets in base64 or spelled as a riddle, passwords told without
    a word that says so ('it is sunflower'), and secrets already in earlier turns.
    """

    name = "secrets"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._hash = KeyedHash(policy.hash_key)

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each secret of each part."""
        told = [secret.value for secret in find_secrets(canonical(source.text).text)]
        return (
            *self._part("prompt", candidate.prompt, told),
            *self._part("completion", candidate.completion, told),
            *self._answered(candidate),
        )

    def _part(self, part: Part, text: str, told: list[str]) -> Iterator[Finding]:
        plain = canonical(text)
        seen: set[tuple[int, int]] = set()
        secrets = list(find_secrets(plain.text))
        for value in told:
            start = plain.text.find(value)
            if start >= 0:
                secrets.append(Secret("told-in-source", start, start + len(value), value))
        for secret in secrets:
            if (secret.start, secret.end) not in seen:
                seen.add((secret.start, secret.end))
                yield self._finding(secret.rule, part, plain.span(secret.start, secret.end), secret.value)
        if not secrets and _is_disguised(plain.text):
            yield self._finding("disguised-password", part, Span(0, len(text)), text)

    def _answered(self, candidate: Candidate) -> Iterator[Finding]:
        """The question asks for a secret and the completion does not decline."""
        if ASKED.search(canonical(candidate.prompt).text) and not _NO_ANSWER.search(candidate.completion):
            span = Span(0, len(candidate.completion))
            yield self._finding("answer-to-secret", "completion", span, candidate.completion)

    def _finding(self, rule: str, part: Part, span: Span, value: str) -> Finding:
        return Finding(
            self.name,
            self.backend,
            Decision.BLOCK,
            Scope.NONE,
            label=rule,
            score=1.0,
            threshold=1.0,
            part=part,
            spans=(span,),
            evidence=f"Looks like a secret ({rule}, keyed hash {self._hash(value)}): weights cannot forget it.",
        )


def find_secrets(text: str) -> Iterator[Secret]:
    """Every secret of a canonical text."""
    lowered = text.lower()
    for rule in (*VENDOR_RULES, *CODE_RULES):
        for start, end in _matches(rule, text, lowered):
            value = text[start:end].rstrip(".,;:!?)\"'")
            if entropy_bits(value) >= rule.entropy and not _PLACEHOLDER.match(value):
                yield Secret(rule.id, start, start + len(value), value)
    for rule in PASSWORD_RULES:
        if any(word in lowered for word in rule.keywords):
            for match in rule.pattern.finditer(text):
                value = _password(match)
                if value:
                    start = match.start("secret")
                    yield Secret(rule.id, start, start + len(value), value)


def _matches(rule: Rule, text: str, lowered: str) -> Iterator[tuple[int, int]]:
    if rule.keywords and not any(word in lowered for word in rule.keywords):
        return
    for match in rule.pattern.finditer(text):
        yield match.span("secret" if "secret" in rule.pattern.groupindex else 0)


def _password(match: re.Match[str]) -> str:
    """The password told by the match, '' when the words after 'password is' only describe it."""
    rest = match["secret"]
    groups = match.re.groupindex
    if "quote" in groups and match["quote"]:
        return re.split(r"[\"'`”’]", rest, maxsplit=1)[0].strip()
    end = _CLAUSE_END.search(rest)
    value = rest[: end.start() if end else len(rest)].strip()
    tokens = value.split()
    if not tokens or _PLACEHOLDER.match(value):
        return ""
    first = tokens[0].rstrip(".,;:!?")
    if _looks_chosen(first):
        return first
    plain = [token.lower().strip(".,;:'") for token in tokens]
    described = sum(token in DESCRIBES for token in plain)
    is_phrase = len(tokens) >= 4 and described <= 1 and not STOPWORDS.intersection(plain)
    if len(tokens) > 8 or (described and not is_phrase) or "credential" in match[0].lower():
        return ""
    return value if len(value) >= 3 else ""


def _looks_chosen(token: str) -> bool:
    """Whether a token has the mix of characters that people choose for passwords and not for prose."""
    if len(token) < 4 or token.lower() in DESCRIBES or re.fullmatch(r"\d+(?:st|nd|rd|th|-\w+)", token):
        return False
    kinds = [
        any(c.isdigit() for c in token),
        any(c.isalpha() for c in token),
        bool(re.search(r"[@$%^&*#!_~+=?]", token)),
    ]
    return sum(kinds) >= 2 or (token.isdigit() and len(token) >= 4) or bool(re.search(r"[a-z][A-Z]", token))


def _is_disguised(text: str) -> bool:
    """Whether 'p a s s w o r d' or 'p@ssw0rd' is told: folded, a password sentence appears that was not there."""
    if re.search(r"(?i)pass ?(?:word|code|phrase)", text):
        return False
    return any(
        re.search(r"\bpass ?(?:word|code|phrase)\b[^.!?\n]{0,60}?(?:\bis\b|\bare\b|:|=)\s*\S", reading)
        or re.search(r"passwordis\w{3,}", reading)
        for reading in folded_readings(text)
    )
