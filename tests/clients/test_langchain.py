"""LangChain's OpenAI classes find what they expect."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.http_server import MODEL, Live

pytestmark = pytest.mark.filterwarnings("ignore")  # what other people's packages warn of is theirs
COUNT = "one two three four five six seven eight nine ten"


@pytest.fixture
def langchain() -> Any:
    return pytest.importorskip("langchain_openai", reason="install the extra `clients`")


@pytest.fixture
def endpoint(shared: Live) -> dict[str, Any]:
    return {"base_url": f"{shared.url}/v1", "api_key": SecretStr("any"), "max_retries": 0}


def test_chat_whole_streamed_and_with_tools(langchain: Any, endpoint: dict[str, Any]) -> None:
    chat = langchain.ChatOpenAI(model=MODEL, stream_usage=True, **endpoint)
    whole = chat.invoke("count")
    assert whole.content == COUNT
    assert whole.response_metadata["model_name"] == f"{MODEL}@v0"
    assert whole.usage_metadata["output_tokens"] == 10
    chunks = list(chat.stream("count"))
    assert "".join(chunk.content for chunk in chunks) == COUNT
    tool = {"name": "weather", "description": "The weather.", "parameters": {"type": "object"}}
    called = chat.bind_tools([{"type": "function", "function": tool}]).invoke("weather in Bern?")
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [("weather", {"city": "Bern"})]


def test_the_responses_route_and_raw_completions(langchain: Any, endpoint: dict[str, Any]) -> None:
    responses = langchain.ChatOpenAI(model=MODEL, use_responses_api=True, **endpoint)
    assert responses.invoke("count").text == COUNT
    assert "".join(str(chunk.text) for chunk in responses.stream("count")) == COUNT
    raw = langchain.OpenAI(model=MODEL, max_tokens=3, **endpoint)
    assert raw.generate(["count", "count"]).generations[1][0].text == "one two three"


def test_embeddings(langchain: Any, endpoint: dict[str, Any]) -> None:
    embeddings = langchain.OpenAIEmbeddings(
        model="all-MiniLM-L6-v2", check_embedding_ctx_length=False, dimensions=32, **endpoint
    )
    assert [len(vector) for vector in embeddings.embed_documents(["one", "two"])] == [32, 32]
