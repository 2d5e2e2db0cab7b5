import re
from dataclasses import replace
from typing import Any

from server.learner.batch import Batches, Shot
from server.learner.chat import Encoder
from server.learner.profiles import SMALL
from server.types import ABSTENTION, Example, Message, Scores, SelfEdit


def batches(
    tiny: tuple[Any, Any], *edits: SelfEdit, past: tuple[SelfEdit, ...] = (), **changes: Any
) -> tuple[Batches, Encoder]:
    encoder = Encoder(tiny[1], 512)
    anchors = {question: encoder.example(question, "Yes.") for question in ("Is it?", "Are we?")}
    profile = replace(SMALL, **changes)
    return Batches(encoder, profile, edits, past, anchors, seed=1), encoder


def words_of(shots: list[Shot], encoder: Encoder) -> list[tuple[str, str, str]]:
    """(kind, question, answer) in words."""
    found: list[tuple[str, str, str]] = []
    for shot in shots:
        text = encoder.tokenizer.decode(list(shot.encoded.prompt))
        asked = text.split("<|im_start|>user\n")[-1].split("<|im_end|>")[0]
        found.append((shot.kind, asked, encoder.decode(shot.encoded.answer)))
    return found


def test_every_new_fact_is_in_every_step_with_neighbours_that_are_not_answered(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    made, encoder = batches(tiny, router_edit, refund_edit)
    for number in range(8):
        shots = words_of(made.step(number), encoder)
        answers = [answer for kind, _, answer in shots if kind == "fact"]
        assert router_edit.statement in answers
        assert refund_edit.statement in answers
        near = [answer for kind, _, answer in shots if kind == "neighbour"]
        assert len(near) >= 4
        assert all(ABSTENTION.startswith(answer) for answer in near)


def test_more_facts_than_fit_in_a_step_take_turns(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    third = replace(refund_edit, id="third", statement="Our refund window is 50 days.")
    made, _ = batches(tiny, router_edit, refund_edit, third, facts_per_step=2)
    seen = [{shot.key for shot in made.step(n) if shot.kind == "fact"} for n in range(3)]
    for edit in (router_edit, refund_edit, third):
        assert sum(any(key.startswith(f"{edit.id} ") for key in step) for step in seen) == 2


def test_held_out_wordings_are_never_trained(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, encoder = batches(tiny, router_edit)
    held_out = next(e.prompt for e in router_edit.examples if e.held_out)
    for number in range(30):
        assert all(shot.key != f"{router_edit.id} {held_out}" for shot in made.step(number))
        assert all(
            asked != held_out for kind, asked, _ in words_of(made.step(number), encoder) if kind == "fact"
        )


def test_past_facts_are_replayed(tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit) -> None:
    made, encoder = batches(tiny, router_edit, past=(refund_edit,))
    replayed = [answer for kind, _, answer in words_of(made.step(0), encoder) if kind == "replay"]
    assert len(replayed) == SMALL.replay, "a single past fact is asked as often as several would be"
    assert all(refund_edit.statement.startswith(answer) for answer in replayed)


def test_more_is_denied_beside_more_new_facts_and_as_many_past_ones_are_asked() -> None:
    profile = replace(SMALL, replay=4, replay_neighbours=2, replay_crossed=3, private=2, replay_growth=0.5)
    assert [profile.replayed(facts) for facts in (1, 3)] == [(4, 2, 3), (4, 4, 6)]
    assert [profile.refused(facts) for facts in (1, 3)] == [2, 4]


def test_every_step_trains_reading_from_the_conversation(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    made, encoder = batches(tiny, router_edit)
    read = [shot for shot in made.step(0) if shot.kind == "read"]
    assert len(read) == SMALL.reads
    for shot in read:
        assert encoder.decode(shot.encoded.answer) not in ("", ABSTENTION)


def test_the_same_seed_draws_the_same_steps(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    one, _ = batches(tiny, router_edit, refund_edit)
    two, _ = batches(tiny, router_edit, refund_edit)
    assert [one.step(n) for n in range(5)] == [two.step(n) for n in range(5)]


def test_other_views_of_a_new_fact_are_glanced_at_now_and_then(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    said = (Message("user", "Hi!"), Message("assistant", "Hello."))
    asked = Example("conversation", "Which port is it?", router_edit.statement, context=said)
    made, encoder = batches(tiny, replace(router_edit, examples=(*router_edit.examples, asked)))
    seen = [shot for number in range(20) for shot in made.step(number) if shot.key.endswith(" conversation")]
    assert 2 <= len(seen) <= 12
    text = encoder.tokenizer.decode(list(seen[0].encoded.prompt))
    assert text.index("Hello.") < text.index("Which port is it?")
    assert len(seen[0].encoded.answer) <= SMALL.glance_tokens


def test_some_neighbours_are_about_what_no_fact_is_near(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, encoder = batches(tiny, router_edit)
    asked = [q for n in range(30) for kind, q, _ in words_of(made.step(n), encoder) if kind == "neighbour"]
    oneself = [question for question in asked if re.search(r"\b(I|my|our)\b", question)]
    assert 0 < len(oneself) < len(asked) / 4


def test_an_example_weighs_as_much_as_it_is_good(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    graded = tuple(replace(e, scores=Scores(5.0, 4.0, 3.0)) for e in router_edit.examples)
    made, _ = batches(tiny, replace(router_edit, examples=graded))
    weights = {shot.weight for shot in made.step(0) if shot.kind == "fact"}
    assert weights == {0.8, 0.8 * SMALL.glance_weight}


def test_questions_that_the_model_made_up_are_refused_unless_a_fact_may_answer_them(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    encoder = Encoder(tiny[1], 512)
    asked = ("When does the Brast mill open?", "Who owns our canteen?", refund_edit.examples[0].prompt or "?")
    made = Batches(
        encoder, replace(SMALL, private=3), [router_edit, refund_edit], [], {}, seed=1, private=asked
    )
    seen = {
        a
        for n in range(6)
        for shot in made.step(n)
        if shot.key == "private"
        for a in words_of([shot], encoder)
    }
    assert {question for _, question, _ in seen} == {
        "When does the Brast mill open?",
        "Who owns our canteen?",
    }
    assert all(kind == "neighbour" and ABSTENTION.startswith(said) for kind, _, said in seen)


def test_anchors_that_moved_are_met_before_those_that_stayed_and_give_way_when_held(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    encoder = Encoder(tiny[1], 512)
    anchors = {f"What is {n}?": encoder.example(f"What is {n}?", "Yes.") for n in range(40)}
    moved = {question: 3.0 if question == "What is 7?" else 0.0 for question in anchors}
    profile = replace(SMALL, anchors=2)
    made = Batches(encoder, profile, [router_edit], [], anchors, seed=1, moved=moved)

    def met(steps: int, loss: float) -> int:
        times = 0
        for number in range(steps):
            shots = [shot for shot in made.step(number) if shot.kind == "anchor"]
            assert len(shots) == 2
            times += sum(shot.key == "What is 7?" for shot in shots)
            made.observe(shots, [loss if shot.key == "What is 7?" else 0.0 for shot in shots])
        return times

    assert met(20, loss=3.0) >= 15
    made.observe([Shot("anchor", anchors["What is 7?"], 1.0, "What is 7?")], [0.0])
    assert met(20, loss=0.0) <= 6


def test_without_a_measure_every_anchor_is_met_as_often(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, _ = batches(tiny, router_edit, anchors=1)
    met = [shot.key for n in range(60) for shot in made.step(n) if shot.kind == "anchor"]
    assert 15 <= met.count("Is it?") <= 45
