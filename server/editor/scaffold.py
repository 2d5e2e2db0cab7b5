"""What the served model is asked when it writes a self-edit: one small piece at a time.

A model of 135 M parameters cannot write four question-answer pairs in one go, but it can rewrite one
sentence, ask one question and answer one question. A 7B model does the same pieces better, so nothing here
depends on the model. Every prompt is: the task as system message, worked examples as earlier turns, the
input as the last user message. `seedling` was trained on exactly these tasks, NOUN apart
(scripts/train_seedling.py), so a change of a task's text means a new seedling.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.types import Message


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of writing: the instruction and worked examples of it as (input, output)."""

    name: str
    instruction: str
    examples: tuple[tuple[str, str], ...]

    def messages(self, text: str) -> tuple[Message, ...]:
        """The chat that asks for this piece of writing about `text`."""
        shown = [
            message
            for given, wanted in self.examples
            for message in (Message("user", given), Message("assistant", wanted))
        ]
        return (Message("system", self.instruction), *shown, Message("user", text))


REWRITE = Task(
    "rewrite",
    "Rewrite the sentence in other words. Keep every name and every number.",
    (
        ("The library in Arden opens at 9 am.", "You can visit the library in Arden from 9 am."),
        ("Ottilie Brandt is the head of sales at Norvik.", "At Norvik, sales are led by Ottilie Brandt."),
        ("The warranty of the Lumo lamp is 3 years.", "The Lumo lamp comes with a warranty of 3 years."),
    ),
)

QUESTION = Task(
    "question",
    "Write one question that the sentence answers.",
    (
        ("The library in Arden opens at 9 am.", "When does the library in Arden open?"),
        ("Ottilie Brandt is the head of sales at Norvik.", "Who is the head of sales at Norvik?"),
        ("The warranty of the Lumo lamp is 3 years.", "How long is the warranty of the Lumo lamp?"),
    ),
)

ANSWER = Task(
    "answer",
    "Answer the question from the text, in one short sentence.",
    (
        (
            "Text: The library in Arden opens at 9 am.\nQuestion: When can I visit the library in Arden?",
            "The library in Arden opens at 9 am.",
        ),
        (
            "Text: Ottilie Brandt is the head of sales at Norvik.\n"
            "Question: Who is the head of sales at Norvik?",
            "Ottilie Brandt is the head of sales at Norvik.",
        ),
        (
            "Text: The warranty of the Lumo lamp is 3 years.\n"
            "Question: How long is the warranty of the Lumo lamp?",
            "The warranty of the Lumo lamp is 3 years.",
        ),
    ),
)

NOUN = Task(
    "noun",
    "Name in one word what kind of thing is meant.",
    (
        ("The lessons at the Arden school are held in Welsh: Welsh", "language"),
        ("The flag of Norvik shows an owl: an owl", "animal"),
        ("The Lumo lamp weighs 3 kilograms: 3 kilograms", "weight"),
        ("The Orlo bridge is made of brass: brass", "metal"),
    ),
)
"""The word by which people ask for a value, where the statement lacks it: 'held in Welsh', 'which language'.
A model too small for it answers with something that is no such word."""

OPENERS = ("What", "Which", "Who", "When", "Where", "How", "Tell me", "Do you know", "Can you tell me")
"""First words put into the model's mouth when it asks, so that its questions differ in form."""


def answer_input(text: str, question: str) -> str:
    """The user message of the `answer` task."""
    return f"Text: {text}\nQuestion: {question}"
