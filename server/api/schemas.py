"""The requests, as pydantic sees them. Answers are plain dicts, built in wire.py and views.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from server.api.text import whole_characters
from server.types import ExampleKind

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Weight = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Grade = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, AfterValidator(whole_characters)]
Name = Annotated[Text, StringConstraints(max_length=256)]


class ChatMessage(BaseModel):
    """One message. `content` is a string, a list of text parts, or null; ask.py reads it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Any = None
    tool_calls: Any = None
    tool_call_id: Any = None


class StreamOptions(BaseModel):
    """What a stream carries besides the text."""

    include_usage: bool = False


class ModerationMode(BaseModel):
    """What becomes of a flagged part: only said, or also kept back."""

    mode: Literal["score", "block"]


class ModerationPolicy(BaseModel):
    """For what was asked, and for what was answered."""

    input: ModerationMode | None = None
    output: ModerationMode | None = None


class ModerationAsked(BaseModel):
    """The chat request's `moderation`."""

    model: str = ""
    policy: ModerationPolicy | None = None


class ModerationRequest(BaseModel):
    """POST /v1/moderations. `input` is a string, strings, or text parts; moderation.py reads it."""

    input: str | list[Any]
    model: str | None = None


class ChatRequest(BaseModel):
    """POST /v1/chat/completions. Unknown fields are ignored, as OpenAI's clients expect.

    The last fields would change what the answer means: the engine does them, or they are refused by name.
    """

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    user: Name | None = None
    safety_identifier: Name | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    moderation: ModerationAsked | None = None
    # what the engine does, or is refused (options.py):
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    functions: Any = None
    function_call: Any = None
    response_format: Any = None
    modalities: Any = None
    audio: Any = None
    web_search_options: Any = None
    logit_bias: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None


class FeedbackRequest(BaseModel):
    """POST /v1/feedback."""

    turn_id: str = ""
    conversation: Name = ""
    answer: str = Field("", max_length=1_000_000)
    """With `conversation`, in the place of `turn_id`: for front-ends that know no turn."""
    metric_name: str = Field("", max_length=128)
    value: bool | int | float | str | None = None
    scale: tuple[Grade, Grade] | None = None
    """Lowest and highest grade, where `value` is one."""
    comment: str = Field("", max_length=10_000)
    demonstration: str = Field("", max_length=100_000)
    user: Name | None = None
    key: str = Field("", max_length=256)


class PreviewRequest(BaseModel):
    """POST /v1/turns/preview."""

    messages: list[ChatMessage] = Field(min_length=1)
    user: Name | None = None


class ExampleToJudge(BaseModel):
    """One candidate for training."""

    prompt: str = ""
    completion: str = Field(min_length=1)


class GuardianRequest(BaseModel):
    """POST /v1/guardian/check."""

    examples: list[ExampleToJudge] = Field(min_length=1, max_length=256)
    source: str
    user: Name = ""
    scope: Literal["user", "tenant", "global"] = "global"
    operator: bool = False


class CorrectedExample(BaseModel):
    """What a person wants taught instead."""

    model_config = ConfigDict(extra="ignore")

    kind: ExampleKind = "question"
    prompt: str = Field("", max_length=100_000)
    completion: str = Field(min_length=1, max_length=100_000)
    held_out: bool = False


class ReviewDecision(BaseModel):
    """POST /v1/reviews/{id}."""

    decision: Literal["approve", "deny", "edit"]
    reason: Reason
    examples: list[CorrectedExample] | None = Field(None, max_length=64)
    seen: str = Field("", max_length=64)
    """The `review.digest` of what the person looked at; refused when the examples are others by now."""


class Because(BaseModel):
    """A change of what is served, and why."""

    reason: Reason


class Rollback(Because):
    """POST /v1/adapters/rollback; `to` null is the previous stable."""

    to: str | None = None


class RolloutChange(Because):
    """PATCH /v1/rollout."""

    weight: Weight | None = None
    paused: bool | None = None
