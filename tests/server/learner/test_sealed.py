"""The sealed quarter: never trained, never asked by the gate."""

import dataclasses

from server.learner import general
from server.learner.gate.probes import draw
from server.learner.generate import Answer
from server.learner.profiles import SMALL
from server.learner.sealed import asked_wordings, sealed, sealed_wordings
from server.types import Example, SelfEdit


def knowing_all() -> dict[str, Answer]:
    return {q: Answer(" ".join(key[:1]), (1,), ended=True) for q, key in general.KEYS.items()}


def with_wordings(edit: SelfEdit, count: int) -> SelfEdit:
    asked = tuple(Example("question", f"Wording {n}?", "", held_out=True) for n in range(count))
    return dataclasses.replace(edit, examples=(*edit.examples[:3], *asked))


def test_a_quarter_of_the_bank_is_sealed_whatever_the_seed() -> None:
    share = sum(map(sealed, general.QUESTIONS)) / len(general.QUESTIONS)
    assert 0.18 < share < 0.32
    for seed in range(40):
        trained, asked = general.halves(knowing_all(), seed, 24)
        assert not any(map(sealed, (*trained, *asked)))
        assert not set(trained) & set(asked)


def test_case_and_spaces_do_not_unseal_a_question() -> None:
    question = next(q for q in general.QUESTIONS if sealed(q))
    assert sealed(f"  {question.upper()} ")


def test_sealed_wordings_of_a_fact_are_never_asked(router_edit: SelfEdit, refund_edit: SelfEdit) -> None:
    edit, past = with_wordings(router_edit, 12), with_wordings(refund_edit, 12)
    kept = {e.prompt for e in (*sealed_wordings(edit), *sealed_wordings(past))}
    assert kept
    for seed in range(20):
        assert not kept & {probe.question for probe in draw([edit], [past], [], SMALL, seed)}


def test_two_wordings_are_always_left_for_the_gate(router_edit: SelfEdit) -> None:
    for count in range(1, 7):
        edit = with_wordings(router_edit, count)
        assert len(asked_wordings(edit)) >= min(2, count)
        assert len(asked_wordings(edit)) + len(sealed_wordings(edit)) == count
