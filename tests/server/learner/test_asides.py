import random
from collections.abc import Sequence

from server.learner.asides import asides
from server.learner.crossed import Crossings
from server.types import Example, SelfEdit

MADE_UP = (
    "When does the Brast mill open?",
    "Tell me the departure time of the Orla train.",
    "How old is Anna Keller?",
    "Which colour has the ferry to Quim?",
    "Is this no question about anybody?",
)


def fact(statement: str, subject: str, value: str, question: str) -> SelfEdit:
    return SelfEdit(
        statement,
        "turn",
        "user",
        statement,
        (0, 9),
        value,
        subject,
        (Example("question", question, statement),),
    )


FERRY = fact("The ferry to Kelso leaves at ten.", "Kelso", "ten", "When does the ferry to Kelso leave?")
PERSON = fact("Petra Lund plays chess.", "Petra", "chess", "What does Petra Lund play?")


def test_what_was_made_up_of_strangers_is_asked_of_the_facts_whole_subject() -> None:
    found = asides([FERRY, PERSON], Crossings([FERRY, PERSON], made_up=MADE_UP), random.Random(1), said("no"))
    assert set(found[FERRY.id]) == {
        "Tell me the departure time of the ferry to Kelso.",
        "Which colour has the ferry to Kelso?",
    }
    assert found[PERSON.id] == ["How old is Petra Lund?"]


def test_what_the_model_answers_from_the_fact_itself_is_no_negative() -> None:
    asked: list[str] = []

    def reads(messages: Sequence[str]) -> list[str]:
        asked.extend(messages)
        return ["It leaves at Ten." if "departure" in m else "I don't know that." for m in messages]

    found = asides([FERRY], Crossings([FERRY], made_up=MADE_UP), random.Random(1), reads)
    assert found == {FERRY.id: ["Which colour has the ferry to Kelso?"]}
    assert all(message.startswith(FERRY.statement) for message in asked)


def test_a_model_that_made_nothing_up_is_asked_nothing() -> None:
    assert asides([FERRY], Crossings([FERRY]), random.Random(1), said("no")) == {}


def said(answer: str):  # type: ignore[no-untyped-def]
    return lambda messages: [answer for _ in messages]
