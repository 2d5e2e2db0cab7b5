"""DELETE /v1/users/{id} over HTTP: who may, what it answers, what is gone afterwards."""

from __future__ import annotations

from tests.support.http_server import MODEL, Live


def promote(live: Live, name: str, port: int, user: str) -> str:
    """A fact of this user, learned and served to everybody; the version."""
    live.world.tell(name, port, user)
    update = live.world.learner().step()
    assert update is not None
    assert update.version is not None
    live.show(update.version)
    live.run(live.operations.promote("test", "good"))
    return update.version


def test_forgetting_answers_with_counts_refs_proof_and_what_is_learned_again(live: Live) -> None:
    http = live.http()
    base = http.get("/v1/adapters/v0/proof").json()
    live.world.tell("Orla", 7000, "ana")
    promote(live, "Kelso", 9001, "ben")
    found = http.delete("/v1/users/ben").json()
    assert found["refs"] == {"stable": "v0", "canary": None}
    assert found["proof"] == base
    assert (found["finished"], found["again"], found["pending"]) == (True, False, 1)
    assert (found["forgotten"]["turns"], found["forgotten"]["relearning"]) == (1, 1)
    assert "same deltas: 1." in found["note"]
    again = http.delete("/v1/users/ben").json()
    assert again["again"]
    assert again["forgotten"] == found["forgotten"]
    assert "ben" not in http.get("/v1/audit").text


def test_an_erased_version_is_gone_for_good_and_says_so(live: Live) -> None:
    http = live.http()
    version = promote(live, "Kelso", 9001, "ben")
    http.delete("/v1/users/ben")
    rolled = http.post("/v1/adapters/rollback", json={"to": version, "reason": "back"})
    asked = live.ask("What is the admin port of the Kelso router?", model=f"{MODEL}@{version}")
    for refused in (rolled, asked, http.get(f"/v1/adapters/{version}/proof")):
        assert (refused.status_code, refused.json()["error"]["code"]) == (410, "version_erased")
    assert http.get(f"/v1/adapters/{version}").json()["erased"] is True
    assert http.get(f"/v1/adapters/{version}").json()["facts"] == []
    assert version not in http.get("/v1/models").text
    assert live.ask("count").status_code == 200


def test_a_user_whose_name_has_a_slash_is_found_and_a_stranger_is_a_404(live: Live) -> None:
    live.ask("count to ten please", user="team/ben")
    assert live.http().delete("/v1/users/team%2Fben").json()["forgotten"]["turns"] == 1
    stranger = live.http().delete("/v1/users/nobody")
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "unknown_user")


def test_only_an_operator_may_forget(locked: Live) -> None:
    locked.world.tell("Kelso", 9001, "ada")
    assert locked.http("key-of-ada-herself").delete("/v1/users/ada").status_code == 403
    assert locked.http("key-of-operations").delete("/v1/users/ada").status_code == 200


def test_a_version_that_failed_its_examination_is_an_alarm(live: Live) -> None:
    for name in ("Kelso", "Orla", "Brant"):
        promote(live, name, 9001, "ben")
    delta = live.ledger.version("v3").deltas[1]
    row = live.http().post(f"/v1/adapters/deltas/{delta}/revoke", json={"reason": "wrong"}).json()
    taken = live.ledger.claim_examination("test", 60)
    assert taken is not None
    report = {"accepted": False, "reason": "locality 10 of 24, 20 needed", "checks": {}}
    live.ledger.finish_examination(taken[0], row["version"], report, frozenset())
    live.run(live.operations.refresh())
    (alarm,) = live.http().get("/readyz").json()["alarms"]
    assert "failed its examination" in alarm
    assert "locality 10 of 24" in alarm
