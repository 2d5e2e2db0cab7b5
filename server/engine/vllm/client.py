"""One replica's HTTP API: every call either gives what was asked, or ReplicaFailed, or Refused."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from server.engine.vllm.errors import Misconfigured, Refused, ReplicaFailed

PROBE_SECONDS = 10.0
"""What health, models and the loading of an adapter may take; more is a hung replica."""
KEEPALIVE_SECONDS = 3.0
"""Below the five seconds after which uvicorn closes a connection, so that none is used as it closes."""
_DONE = "[DONE]"
_STRANGER = "{url}/v1/models is not what vLLM answers there ({why}); is it the address of a `vllm serve`?"


@dataclass(frozen=True, slots=True)
class Served:
    """What a replica says it serves."""

    base: str
    """The name that the base answers to."""
    root: str
    """What it was loaded from."""
    max_model_len: int
    adapters: Mapping[str, str]
    """Name → path, as the replica sees it."""


class ReplicaClient:
    """Talks to one replica. Redirects are not followed: they would take text and key elsewhere."""

    def __init__(self, url: str, api_key: str, stall_seconds: float) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(stall_seconds, connect=5.0, pool=None),
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE_SECONDS),
            verify=self.url.startswith("https"),
            trust_env=False,
        )

    async def close(self) -> None:
        """Let all connections go."""
        await self._http.aclose()

    async def health(self) -> None:
        """Return when the replica says that it is well."""
        await self._get("/health")

    async def served(self) -> Served:
        """GET /v1/models: the replica's own word for what it has loaded."""
        try:
            cards = json.loads(await self._get("/v1/models"))["data"]
            base = next(card for card in cards if not card.get("parent"))
            adapters = {card["id"]: str(card["root"]) for card in cards if card.get("parent")}
            length = int(base["max_model_len"])
            return Served(base["id"], str(base.get("root") or ""), length, adapters)
        except Refused as refusal:
            if refusal.status >= 500 or refusal.busy:
                raise
            raise Misconfigured(_STRANGER.format(url=self.url, why=f"status {refusal.status}")) from refusal
        except (ValueError, KeyError, TypeError, StopIteration, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise Misconfigured(_STRANGER.format(url=self.url, why=why)) from error

    async def load(self, name: str, path: str) -> None:
        """Load an adapter under a name of its own; loaded already from the same path is no error."""
        body = {"lora_name": name, "lora_path": path}
        try:
            await self._post("/v1/load_lora_adapter", body, PROBE_SECONDS * 3)
        except Refused as refusal:
            _check_route(self.url, refusal)
            if "already been loaded" not in refusal.message:
                raise
            if (await self.served()).adapters.get(name) != path:
                raise Refused(409, f"{name} is loaded there from another folder") from refusal

    async def unload(self, name: str) -> None:
        """Have the replica forget a name; unknown names are no error."""
        try:
            await self._post("/v1/unload_lora_adapter", {"lora_name": name}, PROBE_SECONDS)
        except Refused as refusal:
            _check_route(self.url, refusal)
            if refusal.status != 404:
                raise

    async def ask(self, path: str, body: Mapping[str, Any], seconds: float | None = None) -> Any:
        """POST and the JSON that comes back."""
        answer = await self._post(path, body, seconds)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ReplicaFailed(f"{self.url}{path} answered with something that is not JSON") from error

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Any]:
        """POST and the events of the answer, up to [DONE]. Closing it ends the request there."""
        async with self._failures(path), self._http.stream("POST", path, json=body) as response:
            if response.status_code != 200:
                await response.aread()
                raise _refused(response)
            async for line in response.aiter_lines():
                if not line.startswith("data:"):
                    continue
                data = line[5:].strip()
                if data == _DONE:
                    return
                yield _event(self.url, data)
            raise ReplicaFailed(f"{self.url} ended an answer before it was whole")

    async def _get(self, path: str) -> bytes:
        async with self._failures(path):
            response = await self._http.get(path, timeout=PROBE_SECONDS)
        return _accepted(response)

    async def _post(self, path: str, body: Mapping[str, Any], seconds: float | None) -> bytes:
        async with self._failures(path):
            kept = self._http.timeout if seconds is None else seconds
            response = await self._http.post(path, json=body, timeout=kept)
        return _accepted(response)

    @asynccontextmanager
    async def _failures(self, path: str) -> AsyncIterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise ReplicaFailed(f"{self.url}{path} did not answer in time: hung or overloaded") from error
        except httpx.InvalidURL as error:
            raise Misconfigured(f"{self.url} is not an address: {error}") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ReplicaFailed(f"{self.url} cannot be reached ({type(error).__name__}: {error})") from error


def _accepted(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise _refused(response)
    return response.content


def _refused(response: httpx.Response) -> Refused | Misconfigured:
    status, text = response.status_code, response.content.decode(errors="replace")
    if status in (401, 403):
        return Misconfigured(
            f"{response.url} wants another API key: vllm.key_env names the variable that holds it"
        )
    try:
        said = json.loads(text)
        error = said.get("error", said)
        text = str(error.get("message") or error.get("detail") or text)
    except (ValueError, AttributeError):
        pass
    return Refused(status, " ".join(text.split())[:500] or f"status {status}")


def _check_route(url: str, refusal: Refused) -> None:
    """vLLM has the routes that load adapters only when it is told so."""
    if refusal.status in (404, 405) and refusal.message in ("Not Found", "Method Not Allowed"):
        raise Misconfigured(
            f"{url} cannot load adapters at run time: start it with --enable-lora and the variable "
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, reachable by this server alone"
        )


def _event(url: str, data: str) -> Any:
    try:
        event = json.loads(data)
    except ValueError as error:
        raise ReplicaFailed(f"{url} sent {data[:80]!r} in the middle of an answer") from error
    if not isinstance(event, dict):
        raise ReplicaFailed(f"{url} sent {data[:80]!r} in the middle of an answer")
    if "error" in event:
        told = event["error"] if isinstance(event["error"], dict) else {"message": event["error"]}
        code = told.get("code")
        raise Refused(code if isinstance(code, int) else 500, str(told.get("message")))
    return event


def token_ids(answer: Any, url: str) -> Sequence[int]:
    """The ids of a /tokenize answer."""
    if isinstance(answer, dict) and isinstance(answer.get("tokens"), list):
        ids: list[int] = answer["tokens"]
        return ids
    raise ReplicaFailed(f"{url}/tokenize answered with something that is no list of tokens")
