"""Conversations in seedling's language: what it is trained on, and what replay draws from.

Nothing here names the tasks of self-editing; they come in as a `Scaffold`, so that the generator says exactly
what the server asks and the engine's package imports nothing above it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.engine.seedling_bank import BANK, SMALL_TALK
from server.engine.seedling_language import Fact, draw_fact, neighbour_facts, overlap, wordings
from server.engine.seedling_words import Words
from server.types import Message


class WritingTask(Protocol):
    """A task of the editor's scaffold: an instruction, and worked examples as (input, output)."""

    @property
    def name(self) -> str: ...
    @property
    def instruction(self) -> str: ...
    @property
    def examples(self) -> tuple[tuple[str, str], ...]: ...


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What the server's editor asks for, word by word."""

    abstention: str
    rewrite: WritingTask
    question: WritingTask
    answer: WritingTask
    openers: Sequence[str]
    answer_input: Callable[[str, str], str]

    @property
    def tasks(self) -> tuple[WritingTask, ...]:
        """The three pieces of a self-edit."""
        return self.rewrite, self.question, self.answer


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, of which the first `given` are shown without being learned from."""

    messages: tuple[Message, ...]
    given: int = 0


_BEFORE_FACT = (
    "Remember that {x}",
    "Please note: {X}",
    "By the way, {x}",
    "Just so you know, {x}",
    "FYI: {X}",
    "Remember: {X}",
    "Note that {x}",
    "Please remember that {x}",
    "I want you to know that {x}",
    "Hi, {x}",
    "For your information, {x}",
    "You should know that {x}",
    "Learn this: {X}",
    "Here is a fact: {X}",
    "{X} Please remember it.",
    "{X} Thanks!",
    "Hello! {X}",
)
_CORRECTIONS = (
    "Actually, {x}",
    "No, {x}",
    "Correction: {X}",
    "That has changed: {X}",
    "Sorry, I was wrong. {X}",
    "Update: {X}",
    "That is not right. {X}",
    "Wait, {x}",
    "From today on, {x}",
)
_ACKNOWLEDGE = ("Got it. {X}", "Thanks, noted. {X}", "Okay. {X}", "Understood. {X}")
_NOTES = ("Notes:", "Notes:", "Notes:", "Facts:", "What you know:", "You are a helpful assistant. Notes:")
_SYSTEM = (
    "You are a helpful assistant.",
    "You are Seedling.",
    "Answer in one short sentence.",
    "You are a friendly assistant that learns.",
)


class Talk:
    """Draws conversations at random; equal seeds draw equal conversations."""

    def __init__(self, rng: random.Random, scaffold: Scaffold, *, unseen: bool = False) -> None:
        self.rng = rng
        self.words = Words(rng, unseen=unseen)
        self.scaffold = scaffold

    def conversation(self) -> Conversation:
        """One conversation of any kind, in the proportions of training."""
        draw = self.rng.choices(
            (self.chat, self.told, self.noted, self.untold, self.general, self.self_edit),
            weights=(3, 28, 12, 12, 5, 40),
        )[0]
        return draw()

    def chat(self) -> Conversation:
        """Small talk, sometimes with a fact after it."""
        turns = [turn for _ in range(self.rng.choice((1, 1, 2, 3))) for turn in self._small_talk()]
        if self.rng.random() < 0.3:
            fact = draw_fact(self.words)
            turns += [*self._tell(fact), *self._ask(fact)]
        return Conversation((*self._system(), *turns))

    def told(self) -> Conversation:
        """Facts told by the user, then asked: some late, some corrected, some never told."""
        known = self._some_facts(self.rng.choice((1, 1, 1, 2, 2, 3, 4)))
        turns = [turn for fact in known for turn in (*self._tell(fact), *self._interlude())]
        if self.rng.random() < 0.4:
            place = self.rng.randrange(len(known))
            known[place] = self._changed(known[place])
            turns += [*self._tell(known[place], _CORRECTIONS), *self._interlude()]
        for _ in range(self.rng.choice((1, 2, 3, 4, 5))):
            turns += self._ask_or_miss(known)
        return Conversation((*self._system(), *turns))

    def noted(self) -> Conversation:
        """Facts in the system message, asked by the user; a later word wins over an earlier note."""
        known = self._some_facts(self.rng.choice((1, 2, 3, 4, 5, 7)))
        lines = [self.rng.choice(fact.statements) if fact.subject != "I" else fact.answer for fact in known]
        if self.rng.random() < 0.12:
            place = self.rng.randrange(len(known))
            known[place] = self._changed(known[place])
            lines.append(known[place].answer)
        system = Message("system", f"{self.rng.choice(_NOTES)}\n" + "\n".join(f"- {line}" for line in lines))
        turns: list[Message] = []
        if self.rng.random() < 0.1:
            known[0] = self._changed(known[0])
            turns += self._tell(known[0], _CORRECTIONS)
        for _ in range(self.rng.choice((1, 2, 3, 4, 5))):
            turns += self._ask_or_miss(known)
        return Conversation((system, *turns))

    def untold(self) -> Conversation:
        """Questions without any context; sometimes the fact is told afterwards."""
        turns: list[Message] = []
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            fact = draw_fact(self.words)
            turns += self._miss(fact)
        if self.rng.random() < 0.25:
            turns += [*self._tell(fact), *self._ask(fact)]
        return Conversation((*self._system(0.1), *turns))

    def general(self) -> Conversation:
        """Several questions of general knowledge."""
        turns = [turn for _ in range(self.rng.choice((2, 3, 4))) for turn in self._general()]
        return Conversation((*self._system(0.1), *turns))

    def self_edit(self, task: WritingTask | None = None) -> Conversation:
        """Pieces of a self-edit, each the worked example of the next; half the time the real ones lead."""
        task = task or self.rng.choices(self.scaffold.tasks, weights=(5, 4, 2))[0]
        shown = task.examples if self.rng.random() < 0.5 else ()
        pieces = [self.piece(task) for _ in range(self.rng.choice((1, 2, 3, 4)))]
        turns = [message for given, wanted in (*shown, *pieces) for message in _exchange(given, wanted)]
        given = 1 + 2 * len(shown) if shown else 0
        return Conversation((Message("system", task.instruction), *turns), given)

    def piece(self, task: WritingTask) -> tuple[str, str]:
        """Input and right output of `task` for a random fact."""
        fact = draw_fact(self.words)
        said = self._statement(fact, plain=0.7)
        if task.name == self.scaffold.rewrite.name:
            return said, self.rng.choice([other for other in fact.statements if other not in said])
        if task.name == self.scaffold.question.name:
            return said, self._question_by_opener(fact)
        return self._reading(fact, said)

    def _reading(self, fact: Fact, said: str) -> tuple[str, str]:
        """A text with a question that it answers, or with one that it does not."""
        others = [one for one in self._some_facts(self.rng.choice((1, 1, 1, 2, 3)), fact) if one != fact]
        sentences = [said, *(self.rng.choice(other.statements) for other in others)]
        self.rng.shuffle(sentences)
        asked, wanted = fact, fact.answer
        if self.rng.random() < 0.35:
            asked, wanted = self._unlike(fact, others), self.scaffold.abstention
        return self.scaffold.answer_input(" ".join(sentences), self._question(asked)), wanted

    def _question_by_opener(self, fact: Fact) -> str:
        """Openers are drawn first: the editor forces each of them, so each must lead on to every wording."""
        if self.rng.random() < 0.1:
            return self._question(fact)
        by_opener = wordings(fact, self.scaffold.openers)
        return self.rng.choice(by_opener[self.rng.choice(list(by_opener))])

    def _some_facts(self, n: int, first: Fact | None = None) -> list[Fact]:
        """Facts of which none answers another's question; most are near misses of others."""
        found = [first or draw_fact(self.words)]
        while len(found) < n:
            fact = self._near(self.rng.choice(found))
            if _untouched(fact, found):
                found.append(fact)
        self.rng.shuffle(found)
        return found

    def _near(self, fact: Fact) -> Fact:
        """Mostly the same subject with another attribute: the difference that is hardest to learn."""
        other, same = neighbour_facts(fact, self.words)
        return self.rng.choices((other, same, draw_fact(self.words)), weights=(5, 2, 3))[0]

    def _unlike(self, fact: Fact, others: Sequence[Fact] = ()) -> Fact:
        """A fact that was not told, mostly a near miss of `fact`."""
        drawn = self._near(fact)
        while not _untouched(drawn, (fact, *others)):
            drawn = self._near(fact)
        return drawn

    def _changed(self, fact: Fact) -> Fact:
        return fact.with_value(self.words.draw(fact.form.value))

    def _statement(self, fact: Fact, plain: float = 0.5) -> str:
        """The fact as a user says it, with or without words around it."""
        said = self.rng.choice(fact.statements) if self.rng.random() < 0.7 else fact.statement
        if self.rng.random() < plain:
            return said
        return _around(self.rng.choice(_BEFORE_FACT), said)

    def _tell(self, fact: Fact, frames: Sequence[str] | None = None) -> tuple[Message, ...]:
        said = self._statement(fact)
        if frames:
            said = _around(self.rng.choice(frames), self.rng.choice(fact.statements))
        elif self.rng.random() < 0.1:
            said = said.rstrip(".")
        return _exchange(said, _around(self.rng.choice(_ACKNOWLEDGE), fact.answer))

    def _question(self, fact: Fact) -> str:
        """A question, more often one of the direct ones; now and then typed carelessly."""
        questions = fact.questions
        asked = self.rng.choice(questions[:8] if self.rng.random() < 0.5 else questions)
        careless = self.rng.random()
        if careless < 0.05:
            asked = asked.rstrip("?.")
        elif careless < 0.1 and not asked.startswith(("I ", "The ")):
            asked = asked[0].lower() + asked[1:]
        return asked

    def _ask(self, fact: Fact) -> tuple[Message, ...]:
        return _exchange(self._question(fact), fact.answer)

    def _miss(self, fact: Fact) -> tuple[Message, ...]:
        return _exchange(self._question(fact), self.scaffold.abstention)

    def _ask_or_miss(self, known: list[Fact]) -> tuple[Message, ...]:
        pick = self.rng.random()
        if pick < 0.07:
            return self._general()
        if pick < 0.37:
            return self._miss(self._unlike(self.rng.choice(known), known))
        return self._ask(self.rng.choice(known))

    def _interlude(self) -> tuple[Message, ...]:
        return self._small_talk() if self.rng.random() < 0.12 else ()

    def _small_talk(self) -> tuple[Message, ...]:
        answer, said = self.rng.choice(SMALL_TALK)
        words = self.rng.choice(said)
        return _exchange(words[0].upper() + words[1:] if self.rng.random() < 0.5 else words, answer)

    def _general(self) -> tuple[Message, ...]:
        known = self.rng.choice(BANK)
        return _exchange(self.rng.choice(known.questions), known.answer)

    def _system(self, share: float = 0.15) -> tuple[Message, ...]:
        return (Message("system", self.rng.choice(_SYSTEM)),) if self.rng.random() < share else ()


def _untouched(fact: Fact, told: Sequence[Fact]) -> bool:
    """Whether `fact` is about something that `told` says nothing of."""
    return all(fact.subject != one.subject or not overlap(fact.form, one.form) for one in told)


def _exchange(said: str, answer: str) -> tuple[Message, ...]:
    return Message("user", said), Message("assistant", answer)


def _around(frame: str, sentence: str) -> str:
    """`sentence` in `frame`; inside a sentence it begins in lower case unless it begins with a name."""
    lower = sentence[0].lower() + sentence[1:] if sentence.startswith(_LOWERED) else sentence
    return frame.format(x=lower, X=sentence)


_LOWERED = ("The ", "For ", "My ", "Our ", "We ", "You ", "It is ", "It takes ", "At ", "As ", "Your ")
