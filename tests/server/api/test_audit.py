"""The audit over HTTP: is it whole, where does it end."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.support.http_server import Live


def test_the_chain_is_verified_against_a_head_that_was_noted(live: Live) -> None:
    http = live.http()
    http.post("/v1/learner/pause")
    noted = http.get("/v1/audit/head").json()
    assert (noted["position"], noted["head"]) == (1, f"1:{noted['hash']}")
    http.post("/v1/learner/resume")
    found = http.get("/v1/audit/verify", params={"head": noted["head"]}).json()
    assert (found["ok"], found["rows"], found["problems"]) == (True, 2, [])
    assert http.get("/v1/audit").json()["audit"][0]["hash"] == found["head"]["hash"]
    other = http.get("/v1/audit/verify", params={"head": f"1:{'0' * 64}"}).json()
    assert (other["ok"], other["problems"][0]["position"]) == (False, 1)


def test_a_row_altered_in_the_file_is_named(live: Live) -> None:
    http = live.http()
    http.post("/v1/learner/pause")
    http.post("/v1/learner/resume")
    with closing(sqlite3.connect(live.ledger.path)) as raw, live.ledger._database.lock(), raw:
        raw.execute("UPDATE audit SET reason = 'all was well' WHERE id = 1")
    found = http.get("/v1/audit/verify").json()
    assert (found["ok"], found["found"], found["problems"][0]["position"]) == (False, 1, 1)


def test_what_is_no_head_is_refused(live: Live) -> None:
    refused = live.http().get("/v1/audit/verify", params={"head": "1:abc"})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "head"
