"""Events over HTTP: live, by kind, and resumed without a loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from server.alarms import AlarmTeller
from server.ledger import audit
from tests.support.http_server import Live

Told = dict[str, Any]


@contextmanager
def watching(live: Live, query: str = "", headers: dict[str, str] | None = None) -> Iterator[Iterator[Told]]:
    """An open stream of events; each as its fields, `data` read."""
    with live.http().stream("GET", f"/v1/events{query}", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")

        def told() -> Iterator[Told]:
            found: Told = {}
            for line in response.iter_lines():
                if not line and "data" in found:
                    yield found | {"data": json.loads(found["data"])}
                    found = {}
                name, _, value = line.partition(": ")
                if name:
                    found[name] = value

        yield told()


def test_ref_moves_and_rollouts_are_told_as_they_happen(live: Live) -> None:
    version = live.learn()
    with watching(live) as told:
        live.show(version)
        live.run(live.operations.promote("ann", "good"))
        first = next(told)
        assert (first["event"], first["data"]["subject"], first["data"]["data"]["to"]) == (
            "ref",
            "canary",
            "v1",
        )
        assert first["id"] == str(first["data"]["id"])
        kinds = [first["event"], *(next(told)["event"] for _ in range(4))]
        assert kinds == ["ref", "rollout", "ref", "ref", "rollout"]
        assert "livegraft_event_watchers 1.0" in live.http().get("/metrics").text
    live.eventually(lambda: "livegraft_event_watchers 0.0" in live.http().get("/metrics").text)


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_watcher_that_was_away_gets_what_it_missed_once_and_in_order(live: Live, by: str) -> None:
    live.learn()
    ids = [event.id for event in live.ledger.events_since()]
    query, headers = "?kind=all", {"last-event-id": str(ids[1])}
    if by == "query":
        query, headers = f"?kind=all&after={ids[1]}", {}
    with watching(live, query, headers) as told:
        assert [int(next(told)["id"]) for _ in ids[2:]] == ids[2:]
        live.ledger.set_paused(True)
        live.ask("count")
        assert next(told)["event"] == "turn"


def test_only_the_kinds_that_were_asked_for_are_told(live: Live) -> None:
    live.ask("count")
    live.learn()
    with watching(live, "?kind=update&after=0") as told:
        assert [next(told)["event"], next(told)["event"]] == ["update", "update"]


def test_events_that_are_gone_are_a_gap_and_not_silence(live: Live) -> None:
    live.learn()
    live.ledger.write(lambda tx: audit.forget_events(tx, keep=2))
    first = live.ledger.first_event_id()
    assert first is not None
    with watching(live, "?kind=all&after=1") as told:
        gap = next(told)
        assert (gap["event"], gap["data"]) == ("gap", {"after": 1, "first": first})
        assert int(next(told)["id"]) == first


def test_a_place_beyond_the_end_begins_with_what_happens_next(live: Live) -> None:
    with watching(live, "?kind=all", {"last-event-id": "999999"}) as told:
        live.ask("count")
        assert next(told)["event"] == "turn"


def test_what_is_no_place_is_refused(live: Live) -> None:
    refused = live.http().get("/v1/events", headers={"last-event-id": "yesterday"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "Last-Event-ID")
    assert live.http().get("/v1/events?after=-1").status_code == 400


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(live: Live) -> None:
    alarms = ["the toxicity check cannot start"]
    one = AlarmTeller(live.ledger, lambda: alarms, "one")
    other = AlarmTeller(live.ledger, lambda: ["something else"], "two")
    with watching(live) as told:
        assert live.run(one.step())
        assert not live.run(one.step())
        assert not live.run(other.step()), "of two processes one tells"
        raised = next(told)["data"]
        assert (raised["kind"], raised["subject"], raised["text"]) == ("alarm", "raised", alarms[0])
        alarms.clear()
        assert live.run(one.step())
        assert next(told)["data"]["subject"] == "cleared"
    assert not live.run(AlarmTeller(live.ledger, lambda: alarms, "one").step())
