"""What a version was made of, as documents that other people's tools read."""

from __future__ import annotations

import hashlib
import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from server.code import code_digest
from tests.support.http_server import Live


@pytest.fixture
def two_deltas(live: Live) -> Live:
    live.show(live.learn("Zephyr", 8443))
    live.run(live.operations.promote("test", "good"))
    live.learn("Kelso", 9001)
    return live


def test_the_statement_names_base_deltas_examples_code_and_training(two_deltas: Live) -> None:
    live = two_deltas
    row = live.ledger.version("v2")
    said = live.http().get("/v1/adapters/v2/statement").json()
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    assert said["subject"][0] == {"name": "tiny@v2", "digest": {"sha256": row.digest}}
    proof = live.http().get("/v1/adapters/v2/proof").json()
    assert {one["name"]: one["digest"]["sha256"] for one in said["subject"][1:]} == proof["files"]
    build, run = said["predicate"]["buildDefinition"], said["predicate"]["runDetails"]
    assert build["externalParameters"]["deltas"] == list(row.deltas)
    needed = {one["name"]: one["digest"] for one in build["resolvedDependencies"]}
    assert needed["base"] == {"sha256": live.engine.base_digest}
    assert [needed[f"delta:{delta}"] for delta in row.deltas] == [{"sha256": d} for d in row.deltas]
    assert sum(name.startswith("examples:") for name in needed) == 2
    assert [one["code"]["sha256"] for one in build["internalParameters"]["training"]] == [code_digest()] * 2
    assert run["builder"]["builderDependencies"][0]["digest"]["sha256"] == code_digest()
    assert run["metadata"]["invocationId"] == live.ledger.updates(1)[0].id


def test_the_bill_of_materials_is_valid_cyclonedx(two_deltas: Live) -> None:
    text = two_deltas.http().get("/v1/adapters/v2/bom").text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    kinds = [part["type"] for part in said["components"]]
    assert (kinds.count("machine-learning-model"), kinds.count("data")) == (3, 2)
    assert said == two_deltas.http().get("/v1/adapters/v2/bom").json(), "the same version, the same document"


@pytest.mark.parametrize("what", ["statement", "bom"])
def test_no_word_of_a_user_and_no_hash_to_guess_them_by_leaves_the_house(two_deltas: Live, what: str) -> None:
    text = two_deltas.http().get(f"/v1/adapters/v2/{what}").text
    carried = two_deltas.ledger.trained_edits(two_deltas.ledger.version("v2"))
    edit = next(edit for edit in carried if "Kelso" in edit.statement)
    words = ("Kelso", "9001", edit.user, edit.statement, edit.turn_id)
    assert [word for word in words if f'"{word}' in text or f" {word}" in text] == []
    told = [edit.statement, *(text for one in edit.examples for text in (one.prompt, one.completion))]
    assert not any(hashlib.sha256(word.encode()).hexdigest() in text for word in told)


def test_the_base_has_no_provenance_and_a_version_that_is_not_there_says_so(live: Live) -> None:
    for name in ("v0", "v7"):
        refused = live.http().get(f"/v1/adapters/{name}/statement")
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")


def test_forgotten_examples_are_in_no_later_statement(live: Live) -> None:
    live.world.tell("Orla", 7000, "ben")
    live.show(live.learn("Zephyr", 8443))
    live.run(live.operations.promote("test", "good"))
    live.http().delete("/v1/users/ben")
    refused = live.http().get("/v1/adapters/v1/statement")
    assert (refused.status_code, refused.json()["error"]["code"]) == (410, "version_erased")
