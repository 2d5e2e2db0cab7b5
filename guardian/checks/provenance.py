"""Whose words a fact stands in, and how far it may therefore travel."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re

from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source, Tier
from guardian.unicode import canonical
from guardian.words import closest, content_stems, sentences

_FENCE = re.compile(r"(```|~~~).*?(?:\1|\Z)", re.DOTALL)
_QUOTED_LINE = re.compile(r"^[ \t]{0,3}>.*$", re.MULTILINE)
_LONG_QUOTE = re.compile(r"[\"“«](?:[^\"“”«»\n]{60,4000})[\"”»]")
_MARKED_UP = re.compile(
    r"<(html|body|div|article|table|document|context|page|tool_result|result)\b.*?(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_JSON = re.compile(r"^\s*[\[{]\s*\"[^\n]*$|^\s*\"[^\"\n]{1,80}\"\s*:\s.*$", re.MULTILINE)
_INTRODUCED = re.compile(
    r"(?:\b(?:according to|quoting|quoted from|copied from|pasted from|copy of|excerpt from|transcript of|output of"
    r"|result of|response from|text from|from)\s+(?:(?:this|that|the|an?|my|our|some|following)\s+){0,3}"
    r"(?:\w+\s+){0,2}(?:page|article|site|website|web ?page|e-?mail|document|doc|file|pdf|post|blog|thread|tool|search|wiki|wikipedia"
    r"|report|readme|api|forum|newsletter|attachment|transcript|chat|message)\b[^:\n]{0,60}:"
    r"|\b(?:here(?:'s| is| are)|see|read|summari[sz]e|translate|this is)\s+(?:the|an?|this|my|what|some)\b[^:\n]{0,40}"
    r"\b(?:page|article|site|website|web ?page|e-?mail|document|file|pdf|post|text|output|results?|transcript|log|says|wrote)\b"
    r"[^:\n]{0,40}:"
    r"|\b(?:the|this|that) (?:page|article|site|website|e-?mail|document|tool|search result)s? (?:says?|said|states?|reads?)\s*:"
    r"|^(?:tool|function|search|retrieved|context|observation|web)[ _]?(?:output|results?|response|content|documents?)?\s*:)",
    re.IGNORECASE | re.MULTILINE,
)
_URL = re.compile(r"\bhttps?://\S+")
_FRAME = re.compile(
    r"^\W*(?:(?:hi|hello|hey|so|well|ok|okay|please|note|fyi|by the way|btw|just|and|also)[,\s:!.-]+)*"
    r"(?:(?:i|we)\s+(?:(?:just|also|really|recently|only)\s+)?(?:want|wanted|would like|'d like|need)\s+(?:you\s+)?to\s+"
    r"(?:know|remember|note|learn|tell you|let you know|say|inform you|share)(?:\s+(?:that|this))?"
    r"|i(?:'ll| will| can| must| should)?\s+(?:just\s+)?(?:tell|inform|remind) you(?:\s+that)?"
    r"|(?:i|we)\s+(?:(?:just|also|recently)\s+)?(?:learned|learnt|heard|found out|read|discovered|noticed|think|believe|know|checked"
    r"|see)(?:\s+(?:today|yesterday|recently|again))?\s+that"
    r"|(?:let me|allow me to)\s+(?:tell|inform|remind|teach) you(?:\s+(?:that|this|something|a fact|about \w+))?"
    r"|(?:remember|note|learn|keep in mind|know)(?:\s+(?:for|from)\s+me)?(?:\s+(?:that|this|the following))?"
    r"|for (?:me|my part)|as far as i know|in my opinion|to my knowledge|trust me|believe me)[\s,:;.-]*",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|me|my|mine|myself)\b", re.IGNORECASE)
_ADDRESSED = re.compile(
    r"\b(?:your|yours|yourself|you're|you've|you'd|you (?:are|were|have|had|live|lived|work|worked|like|love|prefer|hate|own|said"
    r"|told|mentioned|want|know|drive|study|studied|grew|moved|married|named|call|use|play|suffer|take|earn|owe))\b",
    re.IGNORECASE,
)
_HOW_TO = re.compile(
    r"\byou (?:can|may|could|will|need|should|must|have to|are (?:allowed|required|able))\b", re.IGNORECASE
)


class Provenance:
    """Narrows the scope of what is personal, pasted, or told by somebody who may not teach everybody.

    Scopes: a fact in the first person singular, and an answer about 'you', stay with their user. Code fences,
    quoted lines, long quotations, markup, JSON, and text announced as a page's, a mail's or a tool's teach
    nothing shared. Under `policy.global_from` operator nobody else teaches everybody. A missing source blocks,
    and so does a speaker who cannot be told from others (tier ANONYMOUS).
    Not covered: pasted text that nothing marks as pasted, who a user really is, one person with many accounts,
    how many have said the same (`rare_fragments`), and whether the fact is supported at all (`grounding`).
    """

    name = "provenance"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """At most one finding for each reason to narrow the scope."""
        text = canonical(source.text).text.replace("’", "'")
        if not text.strip():
            reason = "No user message is named as the source: a fact must come from somebody's own words."
            return (self._finding("no_source", Scope.NONE, reason, Decision.BLOCK),)
        own, pasted = split_pasted(text)
        example = f"{candidate.prompt} {candidate.completion}"
        found: list[Finding] = []
        if pasted and not _states(own, example, text):
            reason = "The fact stands in text that was pasted or quoted, not in the user's own words."
            found.append(self._finding("pasted", Scope.USER, reason))
        statement = _stated(source, own or text, example)
        if _FIRST_PERSON.search(_unframed(statement)) or _FIRST_PERSON.search(
            _unframed(candidate.completion)
        ):
            reason = "The user speaks of themselves: nobody else is taught it."
            found.append(self._finding("first_person", Scope.USER, reason))
        elif _ADDRESSED.search(_HOW_TO.sub("", candidate.completion.replace("’", "'"))):
            reason = "The answer is about the user who asks: it would be told to everybody."
            found.append(self._finding("about_the_user", Scope.USER, reason))
        return (*found, *self._capped(source))

    def _capped(self, source: Source) -> tuple[Finding, ...]:
        """The cap for who spoke; counting voices is the work of `rare_fragments`."""
        if source.tier is Tier.ANONYMOUS:
            reason = "Nobody knows who said this: the request named no user who can be told from others."
            return (self._finding("anonymous", Scope.NONE, reason, Decision.BLOCK),)
        if self._policy.global_from == "operator" and not source.operator:
            reason = "Only an operator's facts may reach the adapter that everybody is served."
            return (self._finding("not_operator", Scope.USER, reason),)
        return ()

    def _finding(
        self,
        label: str,
        scope: Scope,
        evidence: str,
        action: Decision = Decision.ALLOW,
    ) -> Finding:
        return Finding(
            self.name,
            self.backend,
            action,
            scope,
            label=label,
            score=1.0,
            threshold=1.0,
            evidence=evidence,
        )


def split_pasted(text: str) -> tuple[str, str]:
    """The message as (the user's own words, what looks pasted, quoted or produced by a tool)."""
    pasted: list[str] = []

    def take(match: re.Match[str]) -> str:
        pasted.append(match[0])
        return "\n"

    own = text
    for pattern in (_FENCE, _MARKED_UP, _QUOTED_LINE, _LONG_QUOTE, _JSON):
        own = pattern.sub(take, own)
    introduced = _INTRODUCED.search(own)
    if introduced:
        pasted.append(own[introduced.start() :])
        own = own[: introduced.start()]
    if len(_URL.findall(own)) >= 3:  # a list of links
        pasted += [line for line in own.splitlines() if _URL.search(line)]
        own = "\n".join(line for line in own.splitlines() if not _URL.search(line))
    return own.strip(), "\n".join(pasted)


def _states(own: str, example: str, text: str) -> bool:
    """Whether the user's own words hold as much of the example as the whole message does."""
    wanted = content_stems(example)
    return len(wanted & content_stems(own)) >= len(wanted & content_stems(text)) > 0


def _stated(source: Source, own: str, example: str) -> str:
    statement = canonical(source.statement).text.replace("’", "'")
    return statement if statement.strip() else closest(sentences(own), example)


def _unframed(statement: str) -> str:
    """`statement` without a beginning such as 'I want you to know that'."""
    return _FRAME.sub("", statement, count=1)
