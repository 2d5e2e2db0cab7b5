"""A `vllm serve` of paper: the routes, the errors and the ways to die that vLLM 0.32 was seen to have.

The HTTP side; what it says comes from tests.support.fake_vllm_core. Run with `python -m` it is a process that
takes the arguments and variables of the real program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support import hash_model
from tests.support.fake_vllm_core import Core, Rejected, Step

Handler = Callable[[Request], Awaitable[Response]]


def make_app(core: Core) -> Starlette:
    """The routes over an engine of paper."""
    api = _Api(core)
    paths: list[tuple[str, str, Handler]] = [
        ("GET", "/health", api.health),
        ("GET", "/v1/models", api.models),
        ("POST", "/tokenize", api.tokenize),
        ("POST", "/v1/chat/completions", api.chat),
        ("POST", "/v1/completions", api.completions),
    ]
    if core.runtime_loading:
        paths.append(("POST", "/v1/load_lora_adapter", api.load))
        paths.append(("POST", "/v1/unload_lora_adapter", api.unload))
    return Starlette(routes=[Route(path, api.guarded(to), methods=[way]) for way, path, to in paths])


def _error(rejected: Rejected) -> dict[str, Any]:
    said = {"message": rejected.message, "type": rejected.kind, "param": None, "code": rejected.status}
    return {"error": said}


class _Api:
    def __init__(self, core: Core) -> None:
        self._core = core

    def guarded(self, to: Handler) -> Handler:
        async def handler(request: Request) -> Response:
            key = self._core.api_key
            if (
                key
                and request.url.path != "/health"
                and request.headers.get("authorization") != f"Bearer {key}"
            ):
                return JSONResponse({"error": "Unauthorized"}, 401)
            try:
                return await to(request)
            except Rejected as rejected:
                return JSONResponse(_error(rejected), rejected.status)

        return handler

    async def health(self, request: Request) -> Response:
        return Response(status_code=503 if self._core.dead else 200)

    async def models(self, request: Request) -> Response:
        core = self._core
        cards = [{"id": core.base, "root": core.root, "parent": None, "max_model_len": core.max_model_len}]
        cards += [{"id": n, "root": path, "parent": core.base} for n, path in core.adapters.items()]
        return JSONResponse({"object": "list", "data": cards})

    async def load(self, request: Request) -> Response:
        body = await request.json()
        self._core.load(body)
        return PlainTextResponse(f"Success: LoRA adapter '{body['lora_name']}' added successfully.")

    async def unload(self, request: Request) -> Response:
        body = await request.json()
        self._core.unload(body)
        return PlainTextResponse(f"Success: LoRA adapter '{body['lora_name']}' removed successfully.")

    async def tokenize(self, request: Request) -> Response:
        body = await request.json()
        text = body["prompt"] if "prompt" in body else hash_model.prompt(body["messages"])
        ids = hash_model.encode(text)
        return JSONResponse({"count": len(ids), "max_model_len": self._core.max_model_len, "tokens": ids})

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        ids = hash_model.encode(hash_model.prompt(body["messages"]))
        asked = body.get("top_logprobs", 0) if body.get("logprobs") else None
        steps = self._core.answer(body, ids, asked)
        opening = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        return StreamingResponse(
            self._events(steps, len(ids), _chat_choice, opening), media_type="text/event-stream"
        )

    async def completions(self, request: Request) -> Response:
        body = await request.json()
        prompt = body["prompt"]
        ids = hash_model.encode(prompt) if isinstance(prompt, str) else list(prompt)
        steps = self._core.answer(body, ids, body.get("logprobs"))
        if body.get("stream"):
            events = self._events(steps, len(ids), _text_choice, None)
            return StreamingResponse(events, media_type="text/event-stream")
        said = [step async for step in steps]
        choice: dict[str, Any] = {
            "index": 0,
            "text": "".join(step.text for step in said),
            "token_ids": [step.token for step in said],
            "finish_reason": said[-1].ended,
        }
        if body.get("prompt_logprobs") is not None:
            choice["prompt_logprobs"] = self._core.prompt_logprobs(body, ids)
        return JSONResponse({"choices": [choice], "usage": {"prompt_tokens": len(ids)}})

    async def _events(
        self,
        steps: AsyncIterator[Step],
        prompt_tokens: int,
        choice: Callable[[Step], dict[str, Any]],
        opening: dict[str, Any] | None,
    ) -> AsyncIterator[str]:
        count = 0
        if opening is not None:
            yield _event({"choices": [opening]})
        try:
            async for step in steps:
                count += 1
                yield step.garbage or _event({"choices": [choice(step)]})
        except Rejected as rejected:
            yield _event(_error(rejected))
            return
        yield _event({"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": count}})
        yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _chat_choice(step: Step) -> dict[str, Any]:
    told = None
    if step.top is not None:
        top = [{"token": chr(token), "logprob": value} for token, value in step.top]
        told = {"content": [{"token": chr(step.token), "logprob": step.logprob, "top_logprobs": top}]}
    return _choice(step) | {"delta": {"content": step.text}, "logprobs": told}


def _text_choice(step: Step) -> dict[str, Any]:
    told = None
    if step.top is not None:
        top = {chr(token): value for token, value in step.top}
        told = {"tokens": [chr(step.token)], "token_logprobs": [step.logprob], "top_logprobs": [top]}
    return _choice(step) | {"text": step.text, "logprobs": told}


def _choice(step: Step) -> dict[str, Any]:
    return {"index": 0, "finish_reason": step.ended, "token_ids": [step.token]}


def main() -> None:
    """Serve until told to end, or until the engine dies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("serve")
    parser.add_argument("model")
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name")
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--max-lora-rank", type=int)
    parser.add_argument("--max-cpu-loras", type=int)
    parser.add_argument("--seconds-per-token", type=float, default=Core.seconds_per_token)
    told, _ = parser.parse_known_args()
    core = Core(
        base=told.served_model_name,
        root=told.model,
        max_model_len=told.max_model_len,
        max_rank=told.max_lora_rank,
        max_cpu_loras=told.max_cpu_loras,
        seconds_per_token=told.seconds_per_token,
        api_key=os.environ.get("VLLM_API_KEY", ""),
        runtime_loading=os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING") == "1",
    )
    server = uvicorn.Server(
        uvicorn.Config(make_app(core), port=told.port, log_level="warning", lifespan="off")
    )

    def end() -> None:
        server.should_exit = True

    core.on_death = end
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
