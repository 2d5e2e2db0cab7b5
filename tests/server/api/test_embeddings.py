"""POST /v1/embeddings, by the official client: the packaged model, a folder, and another server's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from guardian.embedding import packaged_dir
from server.api.policy import ApiPolicy
from server.embedding.local import LocalEmbedding
from server.embedding.remote import RemoteEmbedding
from tests.support.http_server import Live, run_live
from tests.support.judge_endpoint import judge_endpoint

MINILM = "all-MiniLM-L6-v2"
TEXTS = ["A cat sat on the mat.", "A kitten is sitting on a rug.", "The bond yields fell sharply."]


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory, shared: Live) -> Iterator[Live]:
    """A server that has its embeddings from `shared`."""
    remote = RemoteEmbedding(f"{shared.url}/v1", MINILM)
    with run_live(tmp_path_factory.mktemp("relayed"), ApiPolicy(), embedding=remote) as live:
        yield live


def vectors(live: Live, texts: list[str], **more: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    answer = live.openai().embeddings.create(model=MINILM, input=texts, **more)
    assert [row.index for row in answer.data] == list(range(len(texts)))
    return np.asarray([row.embedding for row in answer.data], np.float32)


def test_texts_of_like_meaning_have_vectors_that_lie_close(shared: Live) -> None:
    found = vectors(shared, TEXTS)
    assert found.shape == (3, 384)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found[0] @ found[1] > 0.5 > 0.3 > found[0] @ found[2]


def test_base64_and_numbers_are_the_same_vectors_and_the_tokens_are_counted(shared: Live) -> None:
    body = {"model": MINILM, "input": TEXTS[0]}
    http = shared.http()
    numbers = http.post("/v1/embeddings", json={**body, "encoding_format": "float"}).json()
    packed = http.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
    unpacked = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), "<f4")
    assert np.array_equal(unpacked, np.asarray(numbers["data"][0]["embedding"], np.float32))
    assert numbers["usage"] == packed["usage"] == {"prompt_tokens": 9, "total_tokens": 9}


def test_shorter_vectors_are_the_beginning_at_length_one(shared: Live) -> None:
    whole, short = vectors(shared, TEXTS), vectors(shared, TEXTS, dimensions=64)
    expected = whole[:, :64] / np.linalg.norm(whole[:, :64], axis=1, keepdims=True)
    assert np.allclose(short, expected, atol=1e-6)
    assert np.array_equal(vectors(shared, TEXTS, dimensions=384), whole)


BAD: list[tuple[dict[str, Any], int, str, str]] = [
    ({"model": "text-embedding-3-small", "input": "x"}, 404, "model_not_found", "model"),
    ({"model": MINILM}, 400, "missing_required_parameter", "input"),
    ({"model": MINILM, "input": []}, 400, "empty_array", "input"),
    ({"model": MINILM, "input": ["x", ""]}, 400, "empty_message", "input[1]"),
    ({"model": MINILM, "input": [1, 2]}, 400, "unsupported_content", "input[0]"),
    ({"model": MINILM, "input": [[1, 2]]}, 400, "unsupported_content", "input[0]"),
    ({"model": MINILM, "input": "\ud800"}, 400, "invalid_value", "input[0]"),
    ({"model": MINILM, "input": "x", "dimensions": 0}, 400, "invalid_value", "dimensions"),
    ({"model": MINILM, "input": "x", "dimensions": 385}, 400, "invalid_value", "dimensions"),
    ({"model": MINILM, "input": "x", "encoding_format": "int8"}, 400, "invalid_value", "encoding_format"),
    ({"model": MINILM, "input": ["x", "word " * 300]}, 400, "context_length_exceeded", "input"),
]


def test_every_bad_request_is_refused_by_name(shared: Live) -> None:
    http = shared.http()
    for body, status, code, param in BAD:
        content = json.dumps(body)
        response = http.post("/v1/embeddings", content=content, headers={"content-type": "application/json"})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (status, code, param), body


def test_another_servers_vectors_are_the_same_and_so_are_its_refusals(shared: Live, relayed: Live) -> None:
    assert np.array_equal(vectors(relayed, TEXTS), vectors(shared, TEXTS))
    assert np.array_equal(vectors(relayed, TEXTS, dimensions=8), vectors(shared, TEXTS, dimensions=8))
    with pytest.raises(openai.BadRequestError, match=r"refuses: dimensions is 400; .* have 384"):
        vectors(relayed, TEXTS, dimensions=400)


async def test_a_server_that_fails_or_sends_what_is_no_embedding_is_named_as_the_culprit() -> None:
    with judge_endpoint() as endpoint:
        remote = RemoteEmbedding(endpoint.url, "m", key="secret-key")
        for status, body, words in (
            (500, b"broken", "answers 500"),
            (200, b"[]", "no embedding"),
            (200, b'{"data": []}', "no embedding"),
            (200, b'{"data": [{"index": 0, "embedding": "%%"}]}', "no embedding"),
            (200, b'{"data": [{"index": 0, "embedding": [1.0, 2.0]}]}', "1 vectors for 2 texts"),
        ):
            endpoint.status, endpoint.body = status, body
            with pytest.raises(Exception, match=words):
                await remote.embed(["a", "b"], None)
        assert set(endpoint.authorizations) == {"Bearer secret-key"}
        assert endpoint.requests[0]["input"] == ["a", "b"]
    with pytest.raises(Exception, match="does not answer"):
        await remote.embed(["a"], None)
    await remote.close()


async def test_a_server_that_knows_numbers_only_is_read_too() -> None:
    with judge_endpoint() as endpoint:
        endpoint.body = b'{"data": [{"index": 0, "embedding": [0.6, 0.8]}], "usage": {"prompt_tokens": 3}}'
        remote = RemoteEmbedding(endpoint.url, "m")
        embedded = await remote.embed(["a"], None)
        await remote.close()
    assert embedded.vectors.tolist() == [[np.float32(0.6), np.float32(0.8)]]
    assert embedded.prompt_tokens == 3


async def test_a_folder_of_sentence_transformers_is_served_under_its_own_name() -> None:
    from_folder, packaged = LocalEmbedding(str(packaged_dir())), LocalEmbedding()
    assert from_folder.model == packaged_dir().name
    one, other = await from_folder.embed(TEXTS, None), await packaged.embed(TEXTS, None)
    assert np.allclose(one.vectors, other.vectors, atol=1e-5)
    assert one.prompt_tokens == other.prompt_tokens


async def test_a_folder_that_holds_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"tokenizer\.json"):
        await LocalEmbedding(str(tmp_path)).embed(["x"], None)
