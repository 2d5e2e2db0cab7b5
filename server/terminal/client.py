"""HTTP to a running server, with every failure as one line for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

ANSWER_SECONDS = 600.0
"""How long one answer may take: a small machine with a long answer."""
NOT_BY_PROXY = ("all://127.0.0.1", "all://localhost", "all://[::1]")
"""A proxy of the environment is not asked for this machine's own server."""


class TerminalError(Exception):
    """The command could not be done; the message is the one line that the person sees."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotFound(TerminalError):
    """The server knows no such thing."""


class Client:
    """One server, one key."""

    def __init__(self, url: str, key: str = "") -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.url = url.rstrip("/")
        try:
            self._http = httpx.Client(
                base_url=self.url, headers=headers, timeout=ANSWER_SECONDS, mounts=dict.fromkeys(NOT_BY_PROXY)
            )
        except httpx.InvalidURL as error:
            raise TerminalError(f"--url {url!r} is not an address: {error}", 2) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path."""
        return self._json("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer to a JSON body."""
        return self._json("POST", path, body)

    def delete(self, path: str) -> dict[str, Any]:
        """The JSON answer to a deletion."""
        return self._json("DELETE", path, None)

    def readiness(self) -> dict[str, Any]:
        """GET /readyz, whose 503 is an answer too."""
        with self._explained():
            response = self._http.get("/readyz")
            return _object(response) if response.status_code in (200, 503) else _checked(response)

    def stream_chat(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of a streamed answer. Raises TerminalError where the stream reports a failure."""
        with (
            self._explained(),
            self._http.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response,
        ):
            if response.is_error:
                response.read()
                _checked(response)
            for line in response.iter_lines():
                if line == "data: [DONE]":
                    return
                if line.startswith("data: "):
                    chunk: dict[str, Any] = json.loads(line[6:])
                    if "error" in chunk:
                        raise TerminalError(f"the answer broke off: {chunk['error']['message']}")
                    yield chunk
            raise TerminalError("the answer broke off: the server closed the connection")

    def _json(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        with self._explained():
            return _checked(self._http.request(method, path, json=body))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise TerminalError(
                f"no server answers at {self.url}; start one with `livegraft serve`, or name it with --url"
            ) from error
        except httpx.UnsupportedProtocol as error:
            raise TerminalError(f"--url {self.url!r} must begin with http:// or https://", 2) from error
        except httpx.TimeoutException as error:
            raise TerminalError(f"{self.url} did not answer within {ANSWER_SECONDS:.0f} s") from error
        except httpx.HTTPError as error:
            raise TerminalError(f"the connection to {self.url} broke: {error}") from error


def _checked(response: httpx.Response) -> dict[str, Any]:
    """The body of a good answer. Raises TerminalError with the server's own words for a bad one."""
    if not response.is_error:
        return _object(response)
    error = _object(response).get("error")
    if not isinstance(error, dict):
        raise TerminalError(f"{response.request.url} answered {response.status_code}: is that a Livegraft?")
    hint = "; name a key with --key or LIVEGRAFT_KEY" if response.status_code == 401 else ""
    kind = NotFound if response.status_code == 404 else TerminalError
    raise kind(f"{str(error.get('message', '')).rstrip('.')}{hint}")


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TerminalError(f"{response.request.url} did not answer with JSON: is that a Livegraft?")
    return body
