from __future__ import annotations

import json

from guardian import (
    Candidate,
    Decision,
    Finding,
    Guardian,
    Policy,
    Scope,
    Source,
    Span,
    Verdict,
    explain,
    from_dict,
    to_dict,
)
from guardian.errors import GuardianError


def judged(guardian: Guardian, completion: str, text: str) -> tuple[Verdict, Candidate]:
    candidate = Candidate("Which port?", completion)
    return guardian.judge(candidate, Source(text, "ada")), candidate


def test_an_allowing_verdict_names_the_checks_that_agreed(guardian: Guardian) -> None:
    verdict, candidate = judged(guardian, "The port is 22.", "The port is 22.")
    said = explain(verdict, candidate)
    assert said.startswith("Allowed: it may train the adapter that everybody is served.")
    assert "grounding" in said


def test_a_refusing_verdict_says_what_was_found_where_and_why(guardian: Guardian) -> None:
    verdict, candidate = judged(guardian, "The port is 23.", "The port is 22.")
    said = explain(verdict, candidate)
    assert said.startswith("Refused: it may train nothing.")
    assert "characters 12-14: '23'" in said
    assert "A number that the user did not say." in said


def test_a_secret_is_not_quoted_even_to_who_holds_the_example(guardian: Guardian) -> None:
    verdict, candidate = judged(guardian, "The password is hunter2.", "The password is hunter2.")
    said = explain(verdict, candidate)
    assert "characters 16-23" in said
    assert "hunter2" not in said


def test_a_repair_is_told(guardian: Guardian) -> None:
    verdict, candidate = judged(guardian, "The po\u200brt is 22.", "The port is 22.")
    assert explain(verdict, candidate).startswith("Allowed after a repair")
    assert to_dict(verdict)["fixed"] == {"prompt": "Which port?", "completion": "The port is 22."}


def test_a_check_that_could_not_start_is_told() -> None:
    verdict, _ = judged(Guardian(Policy(toxicity_model_dir="nowhere")), "The port is 22.", "The port is 22.")
    assert "nowhere is not a folder" in explain(verdict)


def test_a_verdict_is_plain_json(guardian: Guardian) -> None:
    verdict, _ = judged(guardian, "The port is 23.", "The port is 22.")
    data = json.loads(json.dumps(to_dict(verdict)))
    assert data["decision"] == "block"
    assert data["max_scope"] == "none"
    assert data["findings"][0]["spans"] == [{"start": 12, "end": 14}]
    assert data["findings"][0]["action"] == "block"


def test_an_error_without_a_message_says_its_docstring() -> None:
    assert "guardian" in str(GuardianError())


def test_a_stored_verdict_is_read_again_as_it_was() -> None:
    lifted = Finding(
        "toxicity", "t", Decision.QUARANTINE, Scope.NONE, spans=(Span(1, 4),), lifted_by="the judge 'safety'"
    )
    verdict = Verdict(
        Decision.ALLOW, Scope.GLOBAL, (lifted,), Candidate("a", "b"), "p", "g", 1.5, (("x", 1.0),)
    )
    again = from_dict(json.loads(json.dumps(to_dict(verdict))))
    assert again == verdict
    assert "Lifted by the judge 'safety'." in explain(again)
