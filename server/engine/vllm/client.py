"""One replica's HTTP API: every call either gives what was asked, or ReplicaFailed, or Refused.

aiohttp, because every token of every answer comes through here, and its parser is compiled.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from server.engine.vllm.errors import Misconfigured, Refused, ReplicaFailed

PROBE_SECONDS = 10.0
"""What health, models and the loading of an adapter may take; more is a hung replica."""
KEEPALIVE_SECONDS = 3.0
"""Below the five seconds after which uvicorn closes a connection, so that none is used as it closes."""
MOST_EVENT_BYTES = 8 * 2**20
"""More without the end of a line is no event of an answer."""
_DONE = b"[DONE]"
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
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._stall_seconds = stall_seconds
        self._opened: aiohttp.ClientSession | None = None

    @property
    def _http(self) -> aiohttp.ClientSession:
        """Opened by the first request: it belongs to the event loop that runs then."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                headers=self._headers,
                timeout=_waits(self._stall_seconds),
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened

    async def close(self) -> None:
        """Let all connections go."""
        if self._opened is not None:
            await self._opened.close()

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
        asking = self._http.post(self.url + path, json=body, allow_redirects=False)
        async with self._failures(path), asking as response:
            if response.status != 200:
                raise _refused(response, await response.read())
            lines = _Lines(self.url)
            async for received in response.content.iter_any():
                for line in lines.whole(received):
                    if not line.startswith(b"data:"):
                        continue
                    data = line[5:].strip()
                    if data == _DONE:
                        return
                    yield _event(self.url, data)
            raise ReplicaFailed(f"{self.url} ended an answer before it was whole")

    async def _get(self, path: str) -> bytes:
        asking = self._http.get(self.url + path, timeout=_waits(PROBE_SECONDS), allow_redirects=False)
        return await self._answer(path, asking)

    async def _post(self, path: str, body: Mapping[str, Any], seconds: float | None) -> bytes:
        waits = _waits(self._stall_seconds if seconds is None else seconds)
        asking = self._http.post(self.url + path, json=body, timeout=waits, allow_redirects=False)
        return await self._answer(path, asking)

    async def _answer(self, path: str, asking: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> bytes:
        async with self._failures(path), asking as response:
            body = await response.read()
        if response.status != 200:
            raise _refused(response, body)
        return body

    @asynccontextmanager
    async def _failures(self, path: str) -> AsyncIterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise ReplicaFailed(f"{self.url}{path} did not answer in time: hung or overloaded") from error
        except aiohttp.InvalidURL as error:
            raise Misconfigured(f"{self.url} is not an address: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ReplicaFailed(f"{self.url} cannot be reached ({type(error).__name__}: {error})") from error


class _Lines:
    """Puts lines together again from the pieces in which they come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rest = b""

    def whole(self, received: bytes) -> Iterator[bytes]:
        """The lines that are whole now. Raises ReplicaFailed where one does not end."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > MOST_EVENT_BYTES:
            raise ReplicaFailed(f"{self._url} sent {MOST_EVENT_BYTES >> 20} MB without the end of an event")
        yield from lines


def _waits(seconds: float) -> aiohttp.ClientTimeout:
    """For each read, as an answer may take as long as it likes while it goes on."""
    return aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=seconds)


def _refused(response: aiohttp.ClientResponse, body: bytes) -> Refused | Misconfigured:
    status, text = response.status, body.decode(errors="replace")
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


def _event(url: str, data: bytes) -> Any:
    try:
        event = json.loads(data)
    except ValueError as error:
        raise _nonsense(url, data) from error
    if not isinstance(event, dict):
        raise _nonsense(url, data)
    if "error" in event:
        told = event["error"] if isinstance(event["error"], dict) else {"message": event["error"]}
        code = told.get("code")
        raise Refused(code if isinstance(code, int) else 500, str(told.get("message")))
    return event


def _nonsense(url: str, data: bytes) -> ReplicaFailed:
    return ReplicaFailed(f"{url} sent {data[:80].decode(errors='replace')!r} in the middle of an answer")


def token_ids(answer: Any, url: str) -> Sequence[int]:
    """The ids of a /tokenize answer."""
    if isinstance(answer, dict) and isinstance(answer.get("tokens"), list):
        ids: list[int] = answer["tokens"]
        return ids
    raise ReplicaFailed(f"{url}/tokenize answered with something that is no list of tokens")
