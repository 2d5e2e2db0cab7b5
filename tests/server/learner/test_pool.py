from collections import Counter
from dataclasses import replace
from typing import Any, get_args

from server.learner.anchored import Anchor, Sort
from server.learner.chat import Encoder
from server.learner.pool import Pool
from server.learner.profiles import SMALL
from server.types import ABSTENTION, SelfEdit
from tests.server.learner.test_batch import words_of


def pool(
    tiny: tuple[Any, Any], *edits: SelfEdit, past: tuple[SelfEdit, ...] = (), **changes: Any
) -> tuple[Pool, Encoder]:
    encoder = Encoder(tiny[1], 512)
    anchors = {question: Anchor(encoder.prompt(question), (5,)) for question in ("Is it?", "Are we?")}
    return Pool(encoder, replace(SMALL, **changes), edits, past, anchors, seed=1), encoder


def test_a_step_has_questions_of_the_facts_and_next_to_them_and_what_may_not_change(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    made, encoder = pool(tiny, router_edit, past=(refund_edit,))
    shots = made.step(0)
    kinds = Counter(shot.kind for shot in shots)
    assert kinds["fact"] + kinds["statement"] == SMALL.pool_facts
    assert kinds["neighbour"] == SMALL.pool_neighbours
    assert kinds["read"] == SMALL.reads
    assert kinds["replay"] == 2
    assert kinds["anchor"] == 2
    for kind, _, answer in words_of(shots, encoder):
        if kind == "fact":
            assert router_edit.statement.startswith(answer)
        if kind == "neighbour":
            assert ABSTENTION.startswith(answer)


def test_guards_and_requests_have_their_own_shares_of_a_step(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    encoder = Encoder(tiny[1], 512)
    held = {
        f"{sort} {n}": Anchor(encoder.prompt(f"{sort} {n}"), (5, 6), sort)
        for sort in get_args(Sort)
        for n in range(8)
    }
    made = Pool(encoder, replace(SMALL, anchors=1, guards=2, requests=3), (router_edit,), (), held, seed=1)
    drawn = Counter(shot.key.split()[0] for shot in made.step(0) if shot.kind == "anchor")
    assert drawn == {"anchor": 1, "guard": 2, "request": 3}


def test_what_is_not_held_comes_again_and_what_is_held_gives_way(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    made, _ = pool(tiny, router_edit, pool_facts=4)
    stubborn = next(shot.key for shot in made.step(0) if shot.kind == "fact")
    met: Counter[str] = Counter()
    for number in range(1, 41):
        shots = made.step(number)
        met.update(shot.key for shot in shots if shot.kind == "fact")
        made.observe(shots, [4.0 if shot.key == stubborn else 0.0 for shot in shots])
    others = [count for key, count in met.items() if key != stubborn]
    assert met[stubborn] > 2 * max(others)
    assert min(others) > 0, "what is held comes by too"


def test_every_question_is_met_before_any_that_is_held_comes_again(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    made, _ = pool(tiny, router_edit, loose=4, pool_facts=4)
    seen: set[str] = set()
    for number in range(4):
        shots = made.step(number)
        made.observe(shots, [0.0] * len(shots))
        seen.update(str(shot.encoded.ids) for shot in shots if shot.kind in ("fact", "statement"))
    assert len(seen) >= 11, "of 16 draws only chance repeats one"


def test_held_out_wordings_are_never_trained(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, encoder = pool(tiny, router_edit)
    held_out = next(e.prompt for e in router_edit.examples if e.held_out)
    for number in range(20):
        assert all(asked != held_out for _, asked, _ in words_of(made.step(number), encoder))


def test_the_same_seed_gives_the_same_steps(
    tiny: tuple[Any, Any], router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    first, again = (pool(tiny, router_edit, past=(refund_edit,))[0] for _ in range(2))
    for number in range(3):
        one, other = first.step(number), again.step(number)
        assert one == other
        losses = [0.1 * index for index in range(len(one))]
        first.observe(one, losses)
        again.observe(other, losses)


def test_some_other_subjects_look_like_the_facts_own(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, encoder = pool(tiny, router_edit, pool_neighbours=200, surface_share=0.0)
    near = [asked for kind, asked, _ in words_of(made.step(0), encoder) if kind == "neighbour"]
    names = {word for question in near for word in question.replace("'s", "").split() if word[0].isupper()}
    assert any(name.startswith("Zep") and name != "Zephyr" for name in names)
    assert any(name.endswith("hyr") and name != "Zephyr" for name in names)


def test_what_a_fact_pulls_is_its_users(tiny: tuple[Any, Any], router_edit: SelfEdit) -> None:
    made, _ = pool(tiny, replace(router_edit, user="ana"))
    assert {shot.user for shot in made.step(0) if shot.kind in ("fact", "statement")} == {"ana"}
    assert {shot.user for shot in made.step(0) if shot.kind in ("read", "anchor")} == {""}
