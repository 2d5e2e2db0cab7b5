"""The served model writes its own self-edits from one turn, piece by piece, and checks each piece itself.

For each fact the user stated: first questions of every form, from which the statement's value is found; then
questions that ask for such a value, each answered by the same model from the sentence alone; and rewrites.
A piece that fails a check is dropped with its reason. Deterministic: every seed comes from the edit's id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.editor import check, derive, parse, relations
from server.editor.extract import Fact, Skipped, extract
from server.editor.kinds import COMPLEMENT_OPENERS, OPENERS_BY_KIND, Kind
from server.editor.scaffold import ANSWER, OPENERS, QUESTION, REWRITE, Task, answer_input
from server.editor.value import Value, find_subject, find_value, is_about
from server.editor.words import as_sentence, normal
from server.engine.types import ContextLengthExceeded, Engine, GenerationRequest, Sampling
from server.types import Example, SelfEdit, Turn

MAX_TOKENS = 32
OWN_QUESTIONS = 7
"""Of the model's own at most so many are kept."""
RELATED_QUESTIONS = 5
"""At least so many with other words for the relation, where the table has them, in place of derived ones."""
MOST_QUESTIONS = 13
HELD_OUT_QUESTIONS = 3
ENOUGH_QUESTIONS = 7
"""Five trained and two held out: with fewer, derived wordings fill up."""
LEAST_QUESTIONS = 4
"""Fewer than this cannot teach a fact nor show that it was learned."""
MAX_REWRITES = 3
PROBING_OPENERS = ("", *OPENERS[:6])
"""Questions of every form, from which the value is found."""
_WARM = Sampling(MAX_TOKENS, temperature=0.8, top_p=0.95, stop=("\n",))
_GREEDY = Sampling(MAX_TOKENS, stop=("\n",))

Origin = Literal["model", "derived"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing written for a fact: kept, or dropped with a reason."""

    task: Literal["question", "answer", "rewrite"]
    text: str
    origin: Origin
    reason: str = ""
    """'' when kept."""


@dataclass(frozen=True, slots=True)
class FactReport:
    """What was written for one fact."""

    statement: str
    value: str
    subject: str
    pieces: tuple[Piece, ...]
    reason: str = ""
    """Why there is no self-edit for it; '' when there is."""


@dataclass(frozen=True, slots=True)
class WriteReport:
    """The self-edits of a turn, and everything that was dropped on the way, each with its reason."""

    edits: tuple[SelfEdit, ...] = ()
    facts: tuple[FactReport, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(slots=True)
class _Draft:
    """A fact while it is being written."""

    turn: Turn
    version: str
    fact: Fact
    pieces: list[Piece] = field(default_factory=list)
    asked: int = 0

    @property
    def id(self) -> str:
        return edit_id(self.turn.id, self.fact.text)

    @property
    def sentence(self) -> str:
        return as_sentence(self.fact.text)

    def drop(self, task: Literal["question", "answer", "rewrite"], text: str, reason: str) -> None:
        self.pieces.append(Piece(task, text, "model", reason))


def edit_id(turn_id: str, statement: str) -> str:
    """Writing a turn twice gives the same edits."""
    return hashlib.sha256(f"{turn_id}\x00{statement}".encode()).hexdigest()


async def write(engine: Engine, turn: Turn, version: str) -> list[SelfEdit]:
    """The self-edits of a turn, written by `version`. Raises EngineError when the engine cannot answer."""
    return list((await write_report(engine, turn, version)).edits)


async def write_report(engine: Engine, turn: Turn, version: str) -> WriteReport:
    """`write`, with what was dropped and why. Only `turn.prompt` can originate a fact, never the answer."""
    facts, skipped = extract(turn.prompt)
    written = await asyncio.gather(*(_write_fact(engine, _Draft(turn, version, fact)) for fact in facts))
    return WriteReport(
        tuple(edit for edit, _ in written if edit is not None), tuple(r for _, r in written), tuple(skipped)
    )


async def _write_fact(engine: Engine, draft: _Draft) -> tuple[SelfEdit | None, FactReport]:
    probing, rewrites = await asyncio.gather(
        _questions(engine, draft, [(opener, _GREEDY) for opener in PROBING_OPENERS]),
        asyncio.gather(*(_ask(engine, draft, REWRITE, draft.sentence, "", _WARM) for _ in range(4))),
    )
    reading = relations.read(draft.sentence, find_value(draft.sentence, probing))
    value = reading.value
    if value is None:
        return None, _report(draft, None, "", "no words in it look like an answer")
    asked = await _questions(engine, draft, _openers(value))
    candidates = _passing(draft, value, list(dict.fromkeys([*asked, *probing])))
    by_rule = [*reading.questions, *derive.questions(draft.sentence, value, candidates)]
    subject = find_subject(draft.sentence, value, [*candidates, *by_rule[:2]])
    pairs = await _answered(engine, draft, value, subject, candidates[: OWN_QUESTIONS + 7])
    pairs = _enough(draft, value, subject, pairs, reading.questions)
    if len(pairs) < LEAST_QUESTIONS:
        reason = f"only {len(pairs)} of its questions passed the self-check, {LEAST_QUESTIONS} are needed"
        return None, _report(draft, value, subject, reason)
    examples = [
        Example("statement", "", draft.sentence),
        *_rewritten(draft, value, subject, [text for text in rewrites if text]),
        *_split(pairs, lambda question: relations.relation_words(question, subject, value, draft.sentence)),
    ]
    edit = SelfEdit(
        id=draft.id,
        turn_id=draft.turn.id,
        user=draft.turn.user,
        statement=draft.fact.text,
        span=(draft.fact.start, draft.fact.end),
        value=value.text,
        subject=subject,
        examples=tuple(examples),
    )
    return edit, _report(draft, value, subject, "")


def _report(draft: _Draft, value: Value | None, subject: str, reason: str) -> FactReport:
    return FactReport(draft.fact.text, value.text if value else "", subject, tuple(draft.pieces), reason)


def _openers(value: Value) -> list[tuple[str, Sampling]]:
    """First words that ask for this kind of value; the most productive ones are sampled once more."""
    openers = list(OPENERS_BY_KIND[value.kind])
    if value.head and value.kind is not Kind.PERSON:
        first = value.head.split()[0].lower()
        of = f" {first}" if first in ("the", "our", "my") else ""
        openers = [opener if opener == "Which" else opener + of for opener in COMPLEMENT_OPENERS] + openers[
            :5
        ]
    return [(opener, _GREEDY) for opener in openers] + [(opener, _WARM) for opener in openers[:5]]


async def _questions(engine: Engine, draft: _Draft, openers: Sequence[tuple[str, Sampling]]) -> list[str]:
    """What the model asks about the sentence, parsed; repetitions once."""
    written = await asyncio.gather(
        *(_ask(engine, draft, QUESTION, draft.sentence, opener, sampling) for opener, sampling in openers)
    )
    found: dict[str, str] = {}
    for text, (opener, _) in zip(written, openers, strict=True):
        parsed = parse.question(opener + text.rstrip("\n"), False, parse.speaker(draft.sentence))
        if parsed.reason:
            draft.drop("question", parsed.text, parsed.reason)
        else:
            found.setdefault(normal(parsed.text), parsed.text)
    return list(found.values())


def _passing(draft: _Draft, value: Value, questions: Sequence[str]) -> list[str]:
    """The questions that ask for the value, by their words."""
    kept: dict[str, str] = {}
    for question in questions:
        reason = check.question_objection(question, draft.sentence, value)
        if reason and (shorter := derive.without_answer(question, value)):
            question = shorter
            reason = check.question_objection(question, draft.sentence, value)
        if reason:
            draft.drop("question", question, reason)
        else:
            kept.setdefault(normal(question), question)
    return list(kept.values())


async def _answered(
    engine: Engine, draft: _Draft, value: Value, subject: str, questions: Sequence[str]
) -> list[tuple[str, str]]:
    """(question, completion) of each question that the model answers rightly from the sentence alone."""
    named = []
    for question in questions:
        if is_about(question, subject):
            named.append(question)
        else:
            draft.drop("question", question, "does not name what the fact is about")
    # a small model reads the answer off the end of the sentence: 'The capital of Eldoria is Sunhaven.'
    text = (derive.inversion(draft.sentence, value) if value.start == 0 else "") or draft.sentence
    answers = await asyncio.gather(
        *(_ask(engine, draft, ANSWER, answer_input(text, parse.plain(q)), "", _GREEDY) for q in named)
    )
    pairs = []
    for question, written in zip(named, answers, strict=True):
        answer = parse.sentence(written, False)
        reason = answer.reason or check.answer_objection(answer.text, question, draft.sentence, value)
        if reason:
            draft.drop("answer", f"{question} {answer.text}", reason)
            continue
        full = check.is_full_answer(answer.text, draft.sentence, subject, value)
        pairs.append((question, answer.text if full else draft.sentence))
        draft.pieces.append(Piece("question", question, "model"))
    return pairs


def _enough(
    draft: _Draft, value: Value, subject: str, own: Sequence[tuple[str, str]], related: Sequence[str]
) -> list[tuple[str, str]]:
    """The model's own questions first, then other words for the relation, then rules where these are few."""
    pairs = list(own[:OWN_QUESTIONS])
    room = max(RELATED_QUESTIONS, ENOUGH_QUESTIONS + 2 - len(pairs))
    other = [question for question in related if normal(question) not in {normal(q) for q, _ in pairs}]
    fresh = _fresh_first(other, [q for q, _ in pairs], value, subject, draft.sentence)
    pairs += _by_rule(draft, value, subject, pairs, fresh, room, by_table=True)
    if len(pairs) < ENOUGH_QUESTIONS and (pairs or value.is_plain):
        further = derive.questions(draft.sentence, value, [question for question, _ in pairs])
        pairs += _by_rule(draft, value, subject, pairs, further, ENOUGH_QUESTIONS - len(pairs))
    wanted = min(2, MOST_QUESTIONS - len(pairs))
    return pairs + (_by_rule(draft, value, subject, pairs, derive.owned(value), wanted) if pairs else [])


def _fresh_first(
    questions: Sequence[str], before: Sequence[str], value: Value, subject: str, statement: str
) -> list[str]:
    """Questions with a relation word that none before them has, then the others."""
    known = {w for q in before for w in relations.relation_words(q, subject, value, statement)}
    fresh: list[str] = []
    others: list[str] = []
    for question in questions:
        words = relations.relation_words(question, subject, value, statement)
        (others if words <= known else fresh).append(question)
        known |= words
    return fresh + others


def _by_rule(
    draft: _Draft,
    value: Value,
    subject: str,
    written: Sequence[tuple[str, str]],
    questions: Sequence[str],
    wanted: int,
    by_table: bool = False,
) -> list[tuple[str, str]]:
    """At most `wanted` of the wordings made by rule, those that are new and pass the model's own checks."""
    pairs: list[tuple[str, str]] = []
    known = {normal(question) for question, _ in written}
    for question in questions:
        if len(pairs) >= wanted:
            break
        if normal(question) in known or not is_about(question, subject):
            continue
        if check.question_objection(question, draft.sentence, value, by_table):
            continue
        known.add(normal(question))
        pairs.append((question, draft.sentence))
        draft.pieces.append(Piece("question", question, "derived"))
    return pairs


def _rewritten(draft: _Draft, value: Value, subject: str, written: Sequence[str]) -> list[Example]:
    """The rewrites that pass; when none does, the statement turned round, where its form allows."""
    kept: dict[str, str] = {}
    for text in written:
        parsed = parse.sentence(text, False)
        if reason := parsed.reason or check.rewrite_objection(parsed.text, draft.sentence, subject, value):
            draft.drop("rewrite", parsed.text, reason)
        elif normal(parsed.text) not in kept and len(kept) < MAX_REWRITES:
            kept[normal(parsed.text)] = parsed.text
            draft.pieces.append(Piece("rewrite", parsed.text, "model"))
    if not kept and (turned := derive.inversion(draft.sentence, value)):
        kept[normal(turned)] = turned
        draft.pieces.append(Piece("rewrite", turned, "derived"))
    return [Example("rewrite", "", text) for text in kept.values()]


def _split(pairs: Sequence[tuple[str, str]], words: Callable[[str], frozenset[str]]) -> list[Example]:
    """Two or three questions are set aside, never the first.

    First one that asks with a word that no other question has, where there is one: whether the fact was
    learned, and not its wordings, shows there. Then every third: a fair sample of the wordings.
    """
    wanted = HELD_OUT_QUESTIONS if len(pairs) > ENOUGH_QUESTIONS else 2 if len(pairs) > 5 else 1
    used = Counter(word for question, _ in pairs for word in words(question))
    alone = [i for i, (q, _) in enumerate(pairs) if i and any(used[word] == 1 for word in words(q))]
    held = set(alone[-1:])
    for i in [*range(2, len(pairs), 3), *range(len(pairs) - 1, 0, -1)]:
        if len(held) < wanted:
            held.add(i)
    return [Example("question", q, a, held_out=i in held) for i, (q, a) in enumerate(pairs)]


async def _ask(engine: Engine, draft: _Draft, task: Task, text: str, prefill: str, how: Sampling) -> str:
    """One piece of writing; '' when the prompt does not fit in the model's context."""
    draft.asked += 1
    name = f"edit-{draft.id[:16]}-{draft.asked}"
    seed = int.from_bytes(hashlib.sha256(f"{draft.id}/{draft.asked}".encode()).digest()[:4], "big") >> 1
    sampling = Sampling(how.max_tokens, how.temperature, how.top_p, seed, how.stop)
    request = GenerationRequest(name, task.messages(text), draft.version, sampling, prefill, background=True)
    parts: list[str] = []
    try:
        async for chunk in engine.generate(request):
            parts.append(chunk.text)
    except ContextLengthExceeded:
        return ""
    return "".join(parts)
