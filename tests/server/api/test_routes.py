from __future__ import annotations

import dataclasses
import re

from server.types import EditState
from tests.support.http_server import MODEL, Live


def test_models_lists_the_routed_id_the_refs_the_base_and_every_version(live: Live) -> None:
    live.show(live.learn())
    models = live.openai().models.list().data
    assert [model.id for model in models] == [MODEL, "tiny@stable", "tiny@canary", "tiny@base", "tiny@v1"]
    extra = models[2].model_extra
    assert extra is not None
    assert extra["root"] == "tiny@v1"
    assert extra["adapter"]["digest"] == live.ledger.version("v1").digest
    assert extra["max_model_len"] == live.engine.max_model_len


def test_each_listed_model_can_be_retrieved_and_asked(live: Live) -> None:
    live.show(live.learn())
    client = live.openai()
    for model in client.models.list().data:
        assert client.models.retrieve(model.id).id == model.id
        answer = client.chat.completions.create(
            model=model.id, messages=[{"role": "user", "content": "count"}]
        )
        root = (model.model_extra or {})["root"]
        assert answer.model == (root if model.id != MODEL else "tiny@v1")


def test_lineage_leads_from_a_turn_to_the_version_that_is_served(live: Live) -> None:
    edit = live.world.tell("Zephyr", 8443)
    http = live.http()
    before = http.get(f"/v1/turns/{edit.turn_id}").json()
    assert before["state"].startswith("waiting for the learner")
    assert before["self_edits"][0]["verdict"]["decision"] == "allow"
    assert before["self_edits"][0]["examples"][1]["prompt"] == "What is the admin port of the Zephyr router?"
    update = live.world.learner().step()
    assert update is not None
    live.show("v1")
    after = http.get(f"/v1/turns/{edit.turn_id}").json()
    assert after["deltas"] == list(live.ledger.version("v1").deltas)
    assert [version["version"] for version in after["versions"]] == ["v1"]
    assert after["refs"] == {"canary": "v1"}
    assert after["state"] == "learned in v1, which is canary"


def test_a_completions_id_names_its_turn_too(live: Live) -> None:
    response = live.ask("count", user="ana")
    found = live.http().get(f"/v1/turns/{response.json()['id']}").json()
    assert found["turn"]["id"] == response.headers["x-livegraft-turn"]
    assert found["turn"]["user"] == "ana"
    assert found["turn"]["messages"] == [{"role": "user", "content": "count"}]


def test_a_preview_stores_nothing(live: Live) -> None:
    body = {"messages": [{"role": "user", "content": "The port is 8443."}], "user": "ana"}
    response = live.http().post("/v1/turns/preview", json=body)
    assert response.json() == {"self_edits": [], "reason": "ana said 'The port is 8443.'"}
    assert live.ledger.turns() == []


def test_the_guardian_judges_what_it_is_given(live: Live) -> None:
    body = {
        "examples": [
            {"prompt": "What is the admin port of the Zephyr router?", "completion": "It is 8443."},
            {"prompt": "What is the admin port of the Zephyr router?", "completion": "It is 9999."},
        ],
        "source": "The admin port of the Zephyr router is 8443.",
        "user": "ana",
        "scope": "global",
    }
    right, wrong = live.http().post("/v1/guardian/check", json=body).json()["verdicts"]
    assert wrong["decision"] in ("quarantine", "block")
    assert any(finding["check"] == "grounding" for finding in wrong["findings"])
    assert {"decision", "max_scope", "findings", "fixed"} <= set(right)
    assert right["decision"] != wrong["decision"]
    assert 'livegraft_guardian_checks_total{decision="' in live.http().get("/metrics").text


def test_a_review_is_settled_once_with_a_reason_that_is_audited(live: Live) -> None:
    http = live.http()
    first = live.world.tell("Zephyr", 8443, state=EditState.QUARANTINED)
    second = live.world.tell("Boreas", 9000, state=EditState.QUARANTINED)
    assert [edit["id"] for edit in http.get("/v1/reviews").json()["reviews"]] == [first.id, second.id]
    approved = http.post(f"/v1/reviews/{first.id}", json={"decision": "approve", "reason": "checked"}).json()
    denied = http.post(f"/v1/reviews/{second.id}", json={"decision": "deny", "reason": "wrong"}).json()
    assert (approved["state"], denied["state"]) == ("allowed", "blocked")
    assert denied["reason"] == "denied by local: wrong"
    again = http.post(f"/v1/reviews/{second.id}", json={"decision": "approve", "reason": "no"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_now")
    assert http.get("/v1/reviews").json()["reviews"] == []
    assert "denied by local: wrong" in [row["reason"] for row in http.get("/v1/audit").json()["audit"]]


def test_the_learner_says_what_waits_and_why_nothing_runs(live: Live) -> None:
    http = live.http()
    assert http.get("/v1/learner").json()["why"] == "no allowed fact is waiting"
    live.world.tell("Zephyr", 8443)
    waiting = http.get("/v1/learner").json()
    assert (waiting["state"], waiting["pending"]) == ("idle", 1)
    assert http.post("/v1/learner/pause").json()["state"] == "paused"
    assert live.world.learner().step() is None
    assert http.post("/v1/learner/resume").json()["state"] == "idle"


def test_a_run_that_was_asked_for_is_found_among_the_updates(live: Live) -> None:
    http = live.http()
    response = http.post("/v1/learner/run")
    assert response.status_code == 202
    assert http.post("/v1/learner/run").json() == response.json()
    live.world.learner().step()
    (update,) = http.get("/v1/learner").json()["updates"]
    assert update["id"] == response.json()["update_id"]
    assert update["state"] == "nothing_to_do"


def test_adapters_show_refs_versions_and_the_facts_they_carry(live: Live) -> None:
    live.show(live.learn())
    http = live.http()
    listed = http.get("/v1/adapters").json()
    assert listed["refs"] == {"stable": "v0", "canary": "v1"}
    (version,) = listed["versions"]
    assert {"version", "digest", "deltas", "created_at", "gate"} <= set(version)
    assert version["gate"]["accepted"] is True
    detail = http.get("/v1/adapters/v1").json()
    assert detail["facts"][0]["statement"] == "The admin port of the Zephyr router is 8443."
    assert detail["provenance"][0]["delta"] == version["deltas"][0]
    assert http.get("/v1/adapters/v0").json()["digest"] == live.engine.base_digest


def test_a_rollback_returns_refs_and_the_same_proof_as_before(live: Live) -> None:
    http = live.http()
    before = http.get("/v1/adapters/v0/proof").json()
    live.show(live.learn())
    assert http.post("/v1/rollout/promote", json={"reason": "good"}).json()["refs"] == {
        "stable": "v1",
        "canary": None,
    }
    taken_back = http.post("/v1/adapters/rollback", json={"to": None, "reason": "bad"}).json()
    assert taken_back["refs"] == {"stable": "v0", "canary": None}
    assert taken_back["version"] == "v0"
    assert taken_back["proof"] == before
    again = http.post("/v1/adapters/rollback", json={"to": "v1", "reason": "not so bad"}).json()
    assert set(again["proof"]) == {"version", "digest", "files", "logits_sha256"}
    assert again["proof"]["files"]


def test_a_delta_is_revoked_from_the_middle(live: Live) -> None:
    http = live.http()
    for name, port in (("Zephyr", 8443), ("Boreas", 9000)):
        live.show(live.learn(name, port))
        http.post("/v1/rollout/promote", json={"reason": "good"})
    first, second = live.ledger.version("v2").deltas
    response = http.post(f"/v1/adapters/deltas/{first}/revoke", json={"reason": "wrong"})
    assert response.status_code == 200, response.text
    assert response.json()["adapter"]["deltas"] == [second]
    assert response.json()["refs"]["stable"] == response.json()["version"] == "v3"


def test_the_rollout_shows_weight_arms_and_evidence(live: Live) -> None:
    http = live.http()
    assert http.get("/v1/rollout").json()["state"] == "none"
    live.show(live.learn())
    live.ask("count")
    shown = http.get("/v1/rollout").json()
    assert (shown["state"], shown["version"], shown["weight"]) == ("canary", "v1", 1.0)
    assert shown["arms"] == {"stable": "v0", "canary": "v1"}
    assert shown["evidence"] == {"canary_turns": 1, "failed_turns": 0, "thumbs_down_users": 0}
    held = http.patch("/v1/rollout", json={"paused": True, "reason": "look first"}).json()
    assert held["state"] == "held"
    assert live.ask("Hello").json()["adapter"]["version"] == "v0"
    assert http.patch("/v1/rollout", json={"paused": False, "reason": "fine"}).json()["state"] == "canary"
    assert http.post("/v1/rollout/abort", json={"reason": "no"}).json()["refs"] == {
        "stable": "v0",
        "canary": None,
    }


def test_the_rollout_tells_units_e_values_intervals_time_left_and_why_it_holds(live: Live) -> None:
    live.show(live.learn())
    first = live.ask("count", user="ana")
    assert live.turn_of(first).chance == 1.0
    assert live.turn_of(first).first_token_seconds is not None
    shown = live.http().get("/v1/rollout").json()
    assert (shown["mode"], shown["steps"]) == ("quick", [1.0])
    assert shown["decision"]["action"] == "hold"
    assert "operator" in shown["decision"]["reason"]
    assert shown["seconds_left"] >= 0
    assert shown["guardrails"]["e_value"] == 1.0
    assert (shown["paired"]["all"]["lower"], shown["paired"]["all"]["upper"]) == (-1.0, 1.0)
    assert shown["units"]["kind"] == "user"
    assert shown["mismatch_e_value"] == 1.0


def test_what_went_back_to_the_queue_without_a_verdict_says_how_long_it_waits(live: Live) -> None:
    live.show(live.learn())
    live.run(live.moves.revert("rollout", "nobody came"))
    live.run(live.operations.refresh())
    shown = live.http().get("/v1/rollout").json()
    assert shown["state"] == "none"
    assert re.match(r"v1 was shown once without a verdict, .* waits 8\d{4} s", shown["reason"])


def test_feedback_on_a_canary_answer_counts_once_per_user(live: Live) -> None:
    live.show(live.learn())
    http = live.http()
    turn = live.ask("count", user="ana").headers["x-livegraft-turn"]
    body = {"turn_id": turn, "metric_name": "thumb", "value": False, "comment": "wrong"}
    for _ in range(2):
        assert http.post("/v1/feedback", json=body).json()["feedback_id"].startswith("fb-")
    rollout = live.ledger.rollout()
    assert rollout is not None
    assert live.ledger.rollout_counts(rollout.id).thumbs_down_users == 1
    assert http.post("/v1/feedback", json={**body, "user": "ben"}).status_code == 200
    assert live.ledger.rollout_counts(rollout.id).thumbs_down_users == 2
    assert [row.user for row in live.ledger.feedback(turn)] == ["ana", "ana", "ben"]


def test_readiness_follows_the_engine_and_health_does_not(live: Live) -> None:
    http = live.http()
    assert http.get("/readyz").json()["ready"] is True
    live.operations.add_alarms(lambda: ["the toxicity check cannot start"])
    assert http.get("/readyz").json()["alarms"] == ["the toxicity check cannot start"]
    live.engine.die("killed by a test")
    unready = http.get("/readyz")
    assert unready.status_code == 503
    assert "killed by a test" in unready.json()["reasons"][0]
    assert http.get("/healthz").json() == {"status": "ok"}


def test_metrics_count_requests_by_route_and_never_by_path(live: Live) -> None:
    live.ask("count")
    http = live.http()
    http.get("/v1/turns/turn-none")
    http.get("/nothing/here")
    text = http.get("/metrics").text
    assert 'livegraft_requests_total{code="200",route="/v1/chat/completions"} 1.0' in text
    assert 'livegraft_requests_total{code="404",route="/v1/turns/{turn_id}"} 1.0' in text
    assert 'livegraft_requests_total{code="404",route="none"} 1.0' in text
    assert 'livegraft_turns_total{arm="stable",state="learnable"} 1.0' in text
    assert 'livegraft_tokens_total{kind="completion"} 10.0' in text
    assert "livegraft_overhead_seconds_count 1.0" in text
    assert "livegraft_ready 1.0" in text


def test_every_move_stands_in_the_audit_with_who_and_why(live: Live) -> None:
    live.show(live.learn())
    http = live.http()
    http.post("/v1/rollout/promote", json={"reason": "looks right"})
    http.post("/v1/adapters/rollback", json={"reason": "was not"})
    rows = http.get("/v1/audit").json()["audit"]
    assert {"at", "actor", "action", "subject", "before", "after", "reason", "evidence"} <= set(rows[0])
    assert {"looks right", "was not"} <= {row["reason"] for row in rows}
    assert "local" in {row["actor"] for row in rows}


def test_edits_look_the_same_in_reviews_and_lineage(live: Live) -> None:
    edit = live.world.tell("Zephyr", 8443, state=EditState.QUARANTINED)
    http = live.http()
    (review,) = http.get("/v1/reviews").json()["reviews"]
    del review["review"]
    (lineage,) = http.get(f"/v1/turns/{edit.turn_id}").json()["self_edits"]
    assert review == lineage
    assert review["examples"][0].keys() == {*dataclasses.asdict(edit.examples[0]), "verdict"}
