"""What becomes of a canary: harm first, then what is missing, then the next step. Two rules, one function."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ledger.tally import Split
from server.rollout.anytime import Pairs
from server.rollout.rule import decide, pause_left
from server.rollout.types import ANY, GUARDS, Action, Evidence, RolloutPolicy

QUICK = RolloutPolicy(promote_after_seconds=20, min_canary_turns=3, max_failed_turns=0, max_thumbs_down=1)
GOOD = Evidence(age_seconds=30, canary_turns=5)

POLICY = RolloutPolicy(mode="evidence", dwell_seconds=60, bake_seconds=100, deadline_seconds=1000)
EQUAL = Pairs(worse=8, same=900, better=8)
SHADOW = Evidence(age_seconds=100, stage="shadow", weight=0.0, step_seconds=70, known_users=9, replay=EQUAL)
STEP = Evidence(
    age_seconds=200,
    stage="canary",
    weight=0.2,
    step_seconds=70,
    conversations=25,
    known_users=90,
    replay=EQUAL,
)
BAKE = dataclasses.replace(STEP, stage="bake", weight=1.0, step_seconds=110)
HARM = {"reasked": (Split(0.2, 30, 20),), ANY: (Split(0.2, 30, 20),)}
PERHAPS = {"reasked": (Split(0.2, 5, 3),)}


def test_a_quick_canary_without_an_incident_is_promoted_after_its_time() -> None:
    assert decide(QUICK, GOOD).action is Action.PROMOTE


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence(age_seconds=5, canary_turns=5), "15 s of watching left"),
        (Evidence(age_seconds=30, canary_turns=1), "2 more canary answers"),
    ],
)
def test_quick_holds_until_it_was_watched_and_used_enough_and_says_what_is_missing(
    evidence: Evidence, words: str
) -> None:
    decision = decide(QUICK, evidence)
    assert decision.action is Action.HOLD
    assert words in decision.reason


@pytest.mark.parametrize(
    "harm",
    [Evidence(30, 5, failed_turns=1), Evidence(30, 5, thumbs_down_users=2)],
    ids=["failed", "objected"],
)
def test_harm_withdraws_a_quick_canary_however_old_it_is(harm: Evidence) -> None:
    assert decide(QUICK, harm).action is Action.ROLLBACK


def test_one_objecting_user_is_not_enough_when_the_policy_allows_one() -> None:
    assert decide(QUICK, dataclasses.replace(GOOD, thumbs_down_users=1)).action is Action.PROMOTE


def test_without_auto_promotion_it_waits_for_an_operator_but_harm_still_withdraws_it() -> None:
    manual = dataclasses.replace(QUICK, auto_promote=False)
    assert decide(manual, GOOD).action is Action.HOLD
    assert decide(manual, dataclasses.replace(GOOD, failed_turns=1)).action is Action.ROLLBACK
    manual = dataclasses.replace(POLICY, auto_promote=False)
    assert decide(manual, STEP).cause == "operator"
    assert decide(manual, dataclasses.replace(STEP, guards=HARM)).action is Action.ROLLBACK


@pytest.mark.parametrize(
    ("evidence", "action"), [(SHADOW, Action.ADVANCE), (STEP, Action.ADVANCE), (BAKE, Action.PROMOTE)]
)
def test_each_stage_goes_on_when_all_is_there(evidence: Evidence, action: Action) -> None:
    assert decide(POLICY, evidence).action is action


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"trips": ("an answer is empty",)}, "tripwire"),
        ({"recent_turns": 40, "recent_failed": 1}, "tripwire"),
        ({"guards": HARM}, "guardrail"),
        ({"replay": Pairs(60, 100, 20)}, "paired"),
        ({"replay": Pairs(30, 200, 0)}, "paired"),
    ],
)
def test_each_kind_of_harm_withdraws_it_before_users_met_it_and_after(
    change: dict[str, object], cause: str
) -> None:
    for evidence, action in ((SHADOW, Action.REJECT), (STEP, Action.ROLLBACK), (BAKE, Action.ROLLBACK)):
        decision = decide(POLICY, dataclasses.replace(evidence, **change))  # type: ignore[arg-type]
        assert (decision.action, decision.cause) == (action, cause)


def test_drift_over_its_limit_rejects_it_in_shadow_and_an_unmeasured_one_does_not() -> None:
    far = dataclasses.replace(SHADOW, drift_nats=0.5, drift_limit_nats=0.1)
    assert decide(POLICY, far).cause == "drift"
    assert decide(POLICY, dataclasses.replace(far, drift_limit_nats=0.0)).action is Action.ADVANCE
    assert decide(POLICY, dataclasses.replace(far, drift_nats=None)).action is Action.ADVANCE


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"gaps": ("answers could not be looked at",)}, "gap"),
        ({"met": (Split(0.2, 120, 280),)}, "mismatch"),
        ({"guards": PERHAPS}, "watch"),
        ({"step_seconds": 50.0}, "dwell"),
        ({"conversations": 19}, "exposure"),
        ({"replay": Pairs(2, 20, 2)}, "paired"),
    ],
)
def test_each_doubt_keeps_the_weight_where_it_is(change: dict[str, object], cause: str) -> None:
    decision = decide(POLICY, dataclasses.replace(STEP, **change))  # type: ignore[arg-type]
    assert (decision.action, decision.cause) == (Action.HOLD, cause)


def test_a_failure_within_the_error_budget_or_of_too_few_answers_is_no_tripwire() -> None:
    assert (
        decide(POLICY, dataclasses.replace(STEP, recent_turns=19, recent_failed=5)).action is Action.ADVANCE
    )
    assert (
        decide(POLICY, dataclasses.replace(STEP, recent_turns=100, recent_failed=2)).action is Action.ADVANCE
    )


def test_without_exposure_it_goes_back_to_the_queue_after_twice_the_deadline_without_a_verdict() -> None:
    few = dataclasses.replace(STEP, conversations=3, step_seconds=1999)
    assert decide(POLICY, few).action is Action.HOLD
    assert decide(POLICY, dataclasses.replace(few, step_seconds=2000)).action is Action.REVERT


def test_what_nobody_could_judge_waits_a_deadline_then_two_then_four_unless_the_clock_was_set_back() -> None:
    deadline = POLICY.deadline_seconds
    assert pause_left(POLICY, [], 500.0) == 0
    assert pause_left(POLICY, [500.0], 500.0 + deadline / 4) == deadline * 3 / 4
    assert pause_left(POLICY, [500.0], 500.0 + deadline) == 0
    assert pause_left(POLICY, [1.0, 500.0], 500.0 + deadline) == deadline
    assert pause_left(POLICY, [1.0, 2.0, 500.0], 500.0 + deadline) == 3 * deadline
    assert pause_left(POLICY, [500.0], 499.0) == 0


def test_in_shadow_that_goes_for_pairs_and_later_undecided_pairs_wait_for_a_person() -> None:
    few = dataclasses.replace(SHADOW, replay=Pairs(1, 10, 1), step_seconds=2000)
    assert decide(POLICY, few).action is Action.REVERT
    later = dataclasses.replace(STEP, replay=Pairs(1, 10, 1), step_seconds=2000)
    assert decide(POLICY, later).action is Action.HOLD


def test_harm_goes_before_a_deadline() -> None:
    late = dataclasses.replace(STEP, conversations=0, step_seconds=5000, guards=HARM)
    assert decide(POLICY, late).action is Action.ROLLBACK


def test_where_users_cannot_be_told_apart_it_stays_in_shadow_and_says_so() -> None:
    decision = decide(POLICY, dataclasses.replace(SHADOW, known_users=0, unknown_turns=500))
    assert (decision.action, decision.cause) == (Action.HOLD, "unknown_users")
    assert "shadow" in decision.reason
    late = dataclasses.replace(SHADOW, known_users=0, unknown_turns=500, step_seconds=1e6)
    assert decide(POLICY, late).action is Action.HOLD


def test_it_becomes_stable_only_when_what_it_learned_is_surely_known_better() -> None:
    assert decide(POLICY, dataclasses.replace(BAKE, target=Pairs(0, 2, 12))).action is Action.PROMOTE
    decision = decide(POLICY, dataclasses.replace(BAKE, target=Pairs(0, 2, 1)))
    assert (decision.action, decision.cause) == (Action.HOLD, "target")
    assert decide(POLICY, dataclasses.replace(STEP, target=Pairs(0, 2, 1))).action is Action.ADVANCE


def test_without_replay_time_and_guardrails_decide() -> None:
    alone = dataclasses.replace(POLICY, replay=False)
    assert decide(alone, dataclasses.replace(SHADOW, replay=Pairs())).action is Action.ADVANCE
    assert decide(alone, dataclasses.replace(STEP, replay=Pairs())).action is Action.ADVANCE


def test_helpful_evidence_never_promotes_alone() -> None:
    praised = {name: (Split(0.2, 0, 500),) for name in (*GUARDS, ANY)}
    early = dataclasses.replace(
        STEP, guards=praised, replay=Pairs(0, 0, 900), step_seconds=1, conversations=0
    )
    assert decide(POLICY, early).action is Action.HOLD


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_more_harm_never_softens_a_decision(canary: int, control: int, more: int) -> None:
    def after(units: int) -> int:
        guards = {"failed": (Split(0.2, units, control),), ANY: (Split(0.2, units, control),)}
        order = (Action.ADVANCE, Action.HOLD, Action.ROLLBACK)
        return order.index(decide(POLICY, dataclasses.replace(STEP, guards=guards)).action)

    assert after(canary) <= after(canary + more)


def test_steps_that_do_not_rise_to_everybody_are_refused() -> None:
    for steps in ((), (0.2, 0.1, 1.0), (0.1, 0.5), (0.0, 1.0)):
        with pytest.raises(ValueError, match="rise from above 0 to 1"):
            RolloutPolicy(steps=steps)


def test_the_step_after_a_weight_that_an_operator_chose_is_the_next_above_it() -> None:
    assert [POLICY.next_weight(w) for w in (0.0, 0.05, 0.3, 0.5, 1.0)] == [0.05, 0.2, 0.5, 1.0, None]
