"""Grades from measured quantities, and further views of a fact."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from server.editor import scores
from server.editor.value import find_value
from server.editor.views import SMALL_TALK, reversed_question
from server.editor.writer import write
from server.engine.fake import FakeEngine
from server.engine.types import TokenLogprob
from server.types import Scores, Turn

PORT = "The admin port of the Zephyr router is 8443."


def test_relevance_counts_what_a_question_keeps_of_the_statement() -> None:
    value = find_value(PORT, [])
    assert value is not None
    whole = scores.relevance("What is the admin port of the Zephyr router?", PORT, value, True, False)
    half = scores.relevance("What is the port of Zephyr?", PORT, value, False, False)
    assert (whole, half) == (5.0, 2.0)


def test_accuracy_is_how_sure_the_model_is_of_the_value_and_nothing_else() -> None:
    said = [
        TokenLogprob("The port is", -5.0),
        TokenLogprob(" 84", math.log(0.5)),
        TokenLogprob("43.", math.log(0.5)),
    ]
    assert scores.accuracy(said, "8443") == pytest.approx(3.0)
    assert scores.accuracy(said, "9000") == 1.0


def test_style_is_the_distance_to_what_the_model_wrote_itself() -> None:
    graded = scores.style([-0.5, -0.7, -1.6, -6.0], [True, True, False, False])
    assert graded == pytest.approx([4.55, 4.45, 4.0, 1.8])
    assert scores.style([], []) == []


def test_a_low_score_or_a_low_mean_is_not_good_enough() -> None:
    assert scores.objection(Scores(5, 3, 4.5)) == ""
    assert scores.objection(Scores(5, 5, 2.9)) == "its style is 2.9 of 5"
    assert scores.objection(Scores(4, 3.5, 3.5)) == "its scores are 3.7 of 5 on average"


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("Mara Quist runs the Torvald team.", "Who is Mara Quist?"),
        ("My dog is called Pixel.", "Who or what is Pixel?"),
        ("The serial number of the Orrin printer is KX-2291.", "What is KX-2291?"),
        ("The pottery course starts on Monday.", ""),
        ("The Brenn lamp costs 45 euros.", ""),
        ("The colour of the front door is green.", ""),
    ],
)
def test_only_a_value_that_identifies_is_asked_about(statement: str, question: str) -> None:
    value = find_value(statement, [])
    assert value is not None
    assert reversed_question(statement, value) == question


async def test_a_fact_is_also_told_from_its_value_and_behind_small_talk(told: Callable[..., Turn]) -> None:
    fact = "Mara Quist leads the Torvald team."
    engine = FakeEngine(lambda request: fact if "Torvald" in request.messages[-1].content else "Hello.")
    await engine.start()
    (edit,) = await write(engine, told(fact), "v0")
    other = {e.kind: e for e in edit.examples if e.kind in ("reversed", "conversation")}
    assert (other["reversed"].prompt, other["reversed"].completion) == ("Who is Mara Quist?", fact)
    hello, reply = other["conversation"].context
    assert hello.content in SMALL_TALK
    assert (reply.role, reply.content) == ("assistant", "Hello.")
    trained = {e.prompt for e in edit.examples if e.kind == "question" and not e.held_out}
    assert other["conversation"].prompt in trained
    assert not other["reversed"].held_out
    assert not other["conversation"].held_out


async def test_every_question_carries_scores_that_are_good_enough(told: Callable[..., Turn]) -> None:
    fact = "Mara Quist leads the Torvald team."
    engine = FakeEngine(lambda request: fact)
    await engine.start()
    (edit,) = await write(engine, told(fact), "v0")
    graded = [example.scores for example in edit.examples if example.kind == "question"]
    assert graded
    assert all(one is not None and scores.objection(one) == "" for one in graded)
