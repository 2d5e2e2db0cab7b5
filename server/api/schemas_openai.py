"""The requests of OpenAI's other routes. What would change the meaning is named, to be refused by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.api.schemas import ModerationAsked, Name, StreamOptions, Text

Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
TopP = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class CompletionRequest(BaseModel):
    """POST /v1/completions: raw text to be continued. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    prompt: Any
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: Seed | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: int | None = Field(None, ge=1)
    logprobs: int | None = Field(None, ge=0, le=20)
    user: Name | None = None
    safety_identifier: Name | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    # refused, unless they ask for what happens anyway or the engine does them:
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None
    logit_bias: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None


class EmbeddingRequest(BaseModel):
    """POST /v1/embeddings."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1)
    user: Name | None = None


class ResponseText(BaseModel):
    """The `text` of a responses request: the format that is asked for."""

    model_config = ConfigDict(extra="ignore")

    format: Any = None


class ResponseRequest(BaseModel):
    """POST /v1/responses. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    input: str | list[Any] = ""
    instructions: Text | None = None
    stream: bool | None = None
    max_output_tokens: int | None = Field(None, ge=1)
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    include: list[Any] | None = None
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    text: ResponseText | None = None
    truncation: Any = None
    metadata: dict[str, Any] | None = None
    user: Name | None = None
    safety_identifier: Name | None = None
    prompt_cache_key: Text | None = None
    store: bool | None = None
    moderation: ModerationAsked | None = None
    # refused by name:
    previous_response_id: Any = None
    conversation: Any = None
    background: bool | None = None
    prompt: Any = None
