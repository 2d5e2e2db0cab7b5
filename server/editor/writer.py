"""The served model writes its own self-edits from one turn, piece by piece, and checks each piece itself.

For each fact the user stated: first questions of every form, from which the statement's value is found; then
questions that ask for such a value, each answered by the same model from the sentence alone; and rewrites.
A piece that fails a check is dropped with its reason. Deterministic: every seed comes from the edit's id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from server.editor import check, derive, nouns, parse, relations, scores, views, wordings
from server.editor.extract import Fact, Skipped, extract
from server.editor.kinds import COMPLEMENT_OPENERS, OPENERS_BY_KIND, Kind
from server.editor.scaffold import ANSWER, NOUN, OPENERS, QUESTION, REWRITE, Task, answer_input
from server.editor.value import Value, find_subject, find_value, is_about
from server.editor.wordings import ENOUGH_QUESTIONS, Origin, Told, Wording
from server.editor.words import as_sentence, normal
from server.engine.types import ContextLengthExceeded, Engine, GenerationRequest, Sampling, TokenLogprob
from server.types import Example, Message, Scores, SelfEdit, Turn

MAX_TOKENS = 32
ANSWERED_QUESTIONS = 8
"""Of the model's own questions so many are put to it again, with the sentence."""
LEAST_QUESTIONS = 4
"""Fewer than this cannot teach a fact nor show that it was learned."""
MAX_REWRITES = 3
PROBING_OPENERS = ("", *OPENERS[:6])
"""Questions of every form, from which the value is found."""
_WARM = Sampling(MAX_TOKENS, temperature=0.8, top_p=0.95, stop=("\n",))
_GREEDY = Sampling(MAX_TOKENS, stop=("\n",))
_SHORT = Sampling(16, stop=("\n",))


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
        piece = Piece(task, text, "model", reason)
        if piece not in self.pieces:  # a second round meets the same again
            self.pieces.append(piece)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the model wrote, with how likely each token was."""

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()


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
    written = list(probing)
    related, noun = reading.questions, ""
    if not related and nouns.wanted(value):
        said = await _ask(engine, draft, NOUN, nouns.noun_input(draft.sentence, value), "", _SHORT)
        noun = nouns.understood(said, draft.sentence)
        related = nouns.questions(draft.sentence, value, noun)
    for number, openers in enumerate(_openers(value, bool(reading.questions), noun), 1):
        written = list(dict.fromkeys([*await _questions(engine, draft, openers), *written]))
        at_most = number * ANSWERED_QUESTIONS
        told, kept = await _kept(engine, draft, value, related, written, at_most)
        if len(kept) >= LEAST_QUESTIONS:
            break
    draft.pieces += [Piece("question", wording.question, wording.origin) for wording in kept]
    subject = told.subject
    if len(kept) < LEAST_QUESTIONS:
        reason = f"only {len(kept)} of its questions passed the self-check, {LEAST_QUESTIONS} are needed"
        return None, _report(draft, value, subject, reason)
    questions = wordings.split(told, kept)
    examples = [
        Example("statement", "", draft.sentence),
        *_rewritten(draft, value, subject, [text for text in rewrites if text]),
        *questions,
        *await _other_views(engine, draft, told, [q for q in questions if not q.held_out][-1]),
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


async def _kept(
    engine: Engine,
    draft: _Draft,
    value: Value,
    by_table: tuple[str, ...],
    written: Sequence[str],
    at_most: int,
) -> tuple[Told, list[Wording]]:
    """What the questions written so far show the fact to be about, and the wordings that pass every check;
    of the model's own `at_most` are put to it again."""
    candidates = _passing(draft, value, written)
    by_rule = [*by_table, *derive.questions(draft.sentence, value, candidates)]
    subject = find_subject(draft.sentence, value, [*candidates, *by_rule[:2]])
    told = Told(draft.sentence, value, subject, by_table)
    own = _own(draft, subject, candidates)[:at_most]
    answered = await _self_checked(engine, draft, told, own)
    return told, wordings.kept(await _graded(engine, draft, told, answered))


def _openers(value: Value, few: bool, noun: str = "") -> Iterator[list[tuple[str, Sampling]]]:
    """First words that ask for this kind of value; the most productive ones are sampled once more.

    Fewer where the table has other words: it brings the variety that sampling is for. Then, should too little
    of that pass, a second round in which every one is sampled.
    """
    openers = list(OPENERS_BY_KIND[value.kind])
    if value.head and value.kind is not Kind.PERSON:
        first = value.head.split()[0].lower()
        of = f" {first}" if first in ("the", "our", "my") else ""
        openers = [opener if opener == "Which" else opener + of for opener in COMPLEMENT_OPENERS] + openers[
            :5
        ]
    if noun:
        openers = [f"Which {noun}", f"What {noun}", *openers]
    sampled = [] if few else openers[:3]
    yield [(opener, _GREEDY) for opener in openers] + [(opener, _WARM) for opener in sampled]
    yield [(opener, _WARM) for opener in openers]


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


def _own(draft: _Draft, subject: str, questions: Sequence[str]) -> list[Wording]:
    """The model's own questions that name what the fact is about."""
    for question in questions:
        if not is_about(question, subject):
            draft.drop("question", question, "does not name what the fact is about")
    return [Wording(q, draft.sentence, "model") for q in questions if is_about(q, subject)]


async def _self_checked(engine: Engine, draft: _Draft, told: Told, own: Sequence[Wording]) -> list[Wording]:
    """Wordings that may be graded: the model's own and those by rule, answered side by side.

    Where too few of the model's own are answered rightly, more are made by rule.
    """
    first = wordings.by_rule(told, own)
    answered = await _answered(engine, draft, told, [*own, *first])
    passed = [wording for wording in answered if wording.origin == "model"]
    tried = {wording.question for wording in first}
    more = [w for w in wordings.by_rule(told, passed) if w.question not in tried]
    if len(answered) >= ENOUGH_QUESTIONS + 2 or not more:
        return answered
    return [*answered, *await _answered(engine, draft, told, more)]


async def _answered(engine: Engine, draft: _Draft, told: Told, asked: Sequence[Wording]) -> list[Wording]:
    """Those that the model answers rightly from the sentence alone, with how sure it was of the value."""
    value = told.value
    # a small model reads the answer off the end of the sentence: 'The capital of Eldoria is Sunhaven.'
    text = (derive.inversion(draft.sentence, value) if value.start == 0 else "") or draft.sentence
    inputs = [answer_input(text, parse.plain(wording.question)) for wording in asked]
    answers = await asyncio.gather(*(_say(engine, draft, ANSWER, given, "", _GREEDY) for given in inputs))
    right = []
    for wording, written in zip(asked, answers, strict=True):
        question, answer = wording.question, parse.sentence(written.text, False)
        reason = answer.reason or check.answer_objection(answer.text, question, draft.sentence, value)
        sure = scores.accuracy(written.logprobs, value.text)
        if wording.origin == "derived" and (reason or sure < scores.LEAST):
            # the limit is the model's, not the wording's
            right.append(replace(wording, accuracy=scores.LEAST, sure=False))
            continue
        if reason:
            draft.drop("answer", f"{question} {answer.text}", reason)
            continue
        full = check.is_full_answer(answer.text, draft.sentence, told.subject, value)
        own = wording.origin == "model" and full
        right.append(replace(wording, completion=answer.text if own else draft.sentence, accuracy=sure))
    return right


async def _graded(engine: Engine, draft: _Draft, told: Told, asked: Sequence[Wording]) -> list[Wording]:
    """Those whose scores are good enough to be trained, with their scores."""
    prompt = (Message("system", QUESTION.instruction), Message("user", draft.sentence))
    likely = await engine.log_likelihoods(draft.version, prompt, [wording.question for wording in asked])
    styles = scores.style(likely, [wording.origin == "model" for wording in asked])
    good = []
    for wording, style in zip(asked, styles, strict=True):
        question = wording.question
        relevance = scores.relevance(
            question, told.sentence, told.value, is_about(question, told.subject), wording.by_table
        )
        grades = Scores(round(relevance, 2), round(wording.accuracy, 2), round(style, 2))
        if reason := scores.objection(grades):
            draft.drop("question", question, reason)
        else:
            good.append(replace(wording, scores=grades))
    return good


@dataclass(frozen=True, slots=True)
class _Other:
    """What the model said for the further views: to the reversed question, and to the small talk."""

    question: str
    answer: _Said
    reply: str


async def _other(engine: Engine, draft: _Draft, told: Told) -> _Other:
    question = views.reversed_question(draft.sentence, told.value)
    answer = _say(engine, draft, ANSWER, answer_input(draft.sentence, question), "", _GREEDY)
    hello = _say(engine, draft, None, views.opening(draft.id), "", _SHORT)
    if not question:
        answer.close()
        return _Other("", _Said(), (await hello).text.strip())
    said, reply = await asyncio.gather(answer, hello)
    return _Other(question, said, reply.text.strip())


async def _other_views(engine: Engine, draft: _Draft, told: Told, asked: Example) -> list[Example]:
    """The fact asked from its value, where that identifies it, and asked in the middle of a conversation.

    A reversed question names the value and asks for all the rest; its style is its distance to one of the
    wordings. That a model cannot turn the statement round itself is what it is trained for: no low mark.
    """
    other = await _other(engine, draft, told)
    found = []
    if other.question:
        sure = max(scores.LEAST, scores.accuracy(other.answer.logprobs, told.subject))
        prompt = (Message("system", QUESTION.instruction), Message("user", draft.sentence))
        likely = await engine.log_likelihoods(draft.version, prompt, [asked.prompt, other.question])
        grades = Scores(5.0, round(sure, 2), round(scores.style(likely, [True, False])[1], 2))
        if reason := scores.objection(grades):
            draft.drop("question", other.question, reason)
        else:
            found.append(Example("reversed", other.question, draft.sentence, scores=grades))
    if other.reply:
        before = (Message("user", views.opening(draft.id)), Message("assistant", other.reply))
        found.append(replace(asked, kind="conversation", context=before))
    return found


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


async def _ask(engine: Engine, draft: _Draft, task: Task, text: str, prefill: str, how: Sampling) -> str:
    """One piece of writing; '' when the prompt does not fit in the model's context."""
    return (await _say(engine, draft, task, text, prefill, how)).text


async def _say(
    engine: Engine, draft: _Draft, task: Task | None, text: str, prefill: str, how: Sampling
) -> _Said:
    """The same with its probabilities; without a task the model just answers."""
    draft.asked += 1
    name = f"edit-{draft.id[:16]}-{draft.asked}"
    seed = int.from_bytes(hashlib.sha256(f"{draft.id}/{draft.asked}".encode()).digest()[:4], "big") >> 1
    sampling = Sampling(how.max_tokens, how.temperature, how.top_p, seed, how.stop, logprobs=0)
    messages = task.messages(text) if task else (Message("user", text),)
    request = GenerationRequest(name, messages, draft.version, sampling, prefill, background=True)
    parts: list[str] = []
    chances: list[TokenLogprob] = []
    try:
        async for chunk in engine.generate(request):
            parts.append(chunk.text)
            chances += [token for token, _ in chunk.logprobs]
    except ContextLengthExceeded:
        return _Said()
    return _Said("".join(parts), tuple(chances))
