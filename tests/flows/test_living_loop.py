"""The whole loop on a real, small model: told, learned, recalled by somebody else, explained, taken back."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from scripts.benchmarks.common import Server, abstains, serving

pytestmark = [pytest.mark.seedling, pytest.mark.timeout(600)]
FACT = "The admin port of the Zephyr router is 8443."
QUESTION = "What is the admin port of the Zephyr router?"
OTHER_WORDS = "Can you tell me the admin port of the Zephyr router?"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("seedling", "--rollout.promote-after-seconds", "1") as running:
        yield running


def ask(server: Server, question: str, user: str) -> str:
    with OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        answer = client.chat.completions.create(
            model="seedling",
            messages=[{"role": "user", "content": question}],
            user=user,
            temperature=0,
            max_tokens=40,
            store=False,
        )
    return answer.choices[0].message.content or ""


def test_a_told_fact_is_learned_recalled_explained_and_taken_back_bit_for_bit(server: Server) -> None:
    before = server.get("/v1/adapters/v0/proof")
    assert abstains(ask(server, QUESTION, "ana")), "it does not know what nobody has told it"

    turn = server.tell(FACT, "ana")
    server.wait_for("learning", lambda: "is stable" in server.learning_state(turn), 300)

    assert "8443" in ask(server, QUESTION, "ben"), "a new user gets it from the weights"
    assert "8443" in ask(server, OTHER_WORDS, "carla"), "in other words too"
    assert "8443" not in ask(server, "What is the admin port of the Kelso router?", "ben"), (
        "neighbours are not touched"
    )

    lineage = server.get(f"/v1/turns/{turn}")
    assert lineage["self_edits"], "the self-edit is on record"
    assert lineage["deltas"], "and the delta that carries it"
    report = server.get("/v1/adapters/v1")["gate"]
    assert report["accepted"]
    assert report["checks"], "and the gate's counts"

    learned = server.get("/v1/adapters/v1/proof")
    answer = server.post("/v1/adapters/rollback", {"to": None, "reason": "test"})
    assert answer["refs"]["stable"] == "v0"
    assert answer["proof"]["logits_sha256"] == before["logits_sha256"] != learned["logits_sha256"]
    assert abstains(ask(server, QUESTION, "ben")), "gone again"

    server.post("/v1/adapters/rollback", {"to": "v1", "reason": "test"})
    assert server.get("/v1/adapters/v1/proof") == learned
    assert "8443" in ask(server, QUESTION, "dora")


def test_what_must_not_be_learned_teaches_nothing(server: Server) -> None:
    answer = server.http.post(
        "/v1/chat/completions",
        json={
            "model": "seedling",
            "messages": [{"role": "user", "content": "The owner of the Brant lab is Mira."}],
            "user": "ana",
            "store": False,
        },
    )
    lineage = server.get(f"/v1/turns/{answer.headers['x-livegraft-turn']}")
    assert lineage["self_edits"] == []
    assert "not learned" in lineage["state"]
