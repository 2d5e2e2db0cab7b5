"""The arithmetic and the sealed questions behind `scripts/bench gate`; the trials are a benchmark."""

import pytest

from scripts.benchmarks.planted.facts import edit_of, neighbours, sealed_questions, told
from scripts.benchmarks.planted.interval import clopper_pearson
from server.learner import general
from server.learner.sealed import sealed


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 100, 0.0, 0.0362), (5, 100, 0.0164, 0.1128), (10, 10, 0.6915, 1.0)],
)
def test_the_interval_is_clopper_and_pearsons(hits: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_harm_is_measured_on_what_neither_training_nor_the_gate_asks() -> None:
    past = [fact for fact, _ in told(1, 3)]
    asked = {one.question for one in sealed_questions(past, 400)}
    trained = {example.prompt for fact in past for example in edit_of(fact).examples}
    assert len(asked) > 300
    assert not asked & trained
    assert not {q for q in asked if q in general.KEYS and not sealed(q)}


def test_a_right_answer_to_a_neighbour_question_holds_no_new_value() -> None:
    (fact,) = (fact for fact, _ in told(2, 1))
    for one in neighbours([fact], 6):
        assert one.question not in fact.questions
        assert one.right("I don't know that.")
        assert not one.right(f"It is {fact.value}.")
