"""The gate's judgement on answers given by plain functions. Not covered: what models say."""

from collections.abc import Callable, Sequence

from server.learner.gate import Gate, abstains
from server.learner.generate import Answer
from server.types import ABSTENTION, SelfEdit

GENERAL = ["What is the capital of Portugal?", "Who wrote Don Quixote?", "What is 5 + 7?"]
RIGHT = {GENERAL[0]: "Lisbon.", GENERAL[1]: "Cervantes.", GENERAL[2]: "It is 12."}


def asker(say: Callable[[str], str]) -> Callable[[Sequence[str]], list[Answer]]:
    return lambda questions: [Answer(say(q), (1,), ended=True) for q in questions]


def untaught(question: str) -> str:
    return RIGHT.get(question, ABSTENTION)


def taught(question: str) -> str:
    return "The admin port is 8443." if "Zephyr" in question and "port" in question else untaught(question)


def gate_for(edit: SelfEdit, past: tuple[SelfEdit, ...] = ()) -> Gate:
    def parent(question: str) -> str:
        return "It is 45 days." if past and "refund" in question else untaught(question)

    return Gate([edit], past, GENERAL, 3, asker(parent))


def test_a_candidate_that_learned_the_fact_and_nothing_else_passes(router_edit: SelfEdit) -> None:
    report = gate_for(router_edit).report([router_edit], asker(taught), 0.4)
    assert report.accepted
    assert report.edits_learned == (router_edit.id,)
    assert report.checks["locality"].asked == 3
    assert report.checks["abstention"].asked == 8


def test_a_candidate_that_did_not_learn_is_refused(router_edit: SelfEdit) -> None:
    report = gate_for(router_edit).report([router_edit], asker(untaught), 0.4)
    assert not report.accepted
    assert report.edits_learned == ()
    assert report.reason.startswith("acquisition 0 of 1")


def test_a_candidate_that_answers_neighbours_with_the_value_is_refused(router_edit: SelfEdit) -> None:
    report = gate_for(router_edit).report([router_edit], asker(lambda q: RIGHT.get(q, "It is 8443.")), 0.4)
    assert not report.checks["neighbours"].ok
    assert not report.checks["abstention"].ok
    assert report.checks["locality"].ok


def test_a_candidate_that_forgot_general_answers_is_refused_with_the_questions(router_edit: SelfEdit) -> None:
    def forgetful(question: str) -> str:
        return "I don't know." if question in GENERAL else taught(question)

    check = gate_for(router_edit).report([router_edit], asker(forgetful), 0.4).checks["locality"]
    assert (check.passed, check.ok) == (0, False)
    assert "Portugal" in check.detail or "Quixote" in check.detail


def test_a_candidate_that_lost_a_past_fact_is_refused(router_edit: SelfEdit, refund_edit: SelfEdit) -> None:
    gate = gate_for(router_edit, (refund_edit,))
    report = gate.report([router_edit], asker(taught), 0.4)
    assert report.checks["retention"].asked == 1
    assert not report.accepted


def test_a_candidate_that_no_longer_reads_what_it_is_told_is_refused(router_edit: SelfEdit) -> None:
    def reads(question: str) -> str:
        told, _, asked = question.partition(". ")
        return told if asked else taught(question)

    gate = Gate([router_edit], (), GENERAL, 3, asker(lambda q: untaught(q) if ". " not in q else reads(q)))
    kept = gate.report([router_edit], asker(reads), 0.4)
    lost = gate.report([router_edit], asker(taught), 0.4)
    assert kept.checks["reading"].asked >= 6
    assert kept.checks["reading"].ok
    assert not lost.checks["reading"].ok


def test_what_the_parent_did_not_hold_is_not_charged_to_the_candidate(router_edit: SelfEdit) -> None:
    talkative = Gate([router_edit], (), GENERAL, 3, asker(lambda _: "Of course."))
    report = talkative.report([router_edit], asker(taught), 0.4)
    assert report.checks["locality"].asked == 0
    assert report.checks["abstention"].asked == 0
    assert report.accepted


def test_a_fact_that_the_parent_answers_is_known(router_edit: SelfEdit) -> None:
    assert Gate([router_edit], (), GENERAL, 3, asker(taught)).known == (router_edit.id,)
    assert gate_for(router_edit).known == ()


def test_weights_that_did_not_move_are_refused(router_edit: SelfEdit) -> None:
    assert not gate_for(router_edit).report([router_edit], asker(taught), 0.0).accepted


def test_answers_without_an_end_are_refused(router_edit: SelfEdit) -> None:
    def endless(questions: Sequence[str]) -> list[Answer]:
        return [Answer(taught(q), (1,), ended=False) for q in questions]

    assert not gate_for(router_edit).report([router_edit], endless, 0.4).checks["form"].ok


def test_the_probes_rotate_with_the_seed(router_edit: SelfEdit) -> None:
    def asked(seed: int) -> list[str]:
        questions: list[str] = []

        def note(batch: Sequence[str]) -> list[Answer]:
            questions.extend(batch)
            return asker(untaught)(batch)

        Gate([router_edit], (), GENERAL, seed, note)
        return questions

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)


def test_abstention_is_recognised_in_more_than_its_own_words() -> None:
    assert abstains(ABSTENTION)
    assert abstains("Sorry, I do not know.")
    assert not abstains("The admin port is 8443.")
