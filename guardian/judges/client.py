"""One judge's endpoint: `POST {base_url}/chat/completions`, and every way in which it may fail, in words."""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import httpx

from guardian.errors import CheckUnavailable, JudgeError
from guardian.judges.types import Reply, Request, Step
from guardian.types import RemoteJudge

FAILURES_IN_A_ROW = 3
"""After so many the endpoint is left alone for a while: a dead judge must not cost a timeout an example."""
PAUSE_SECONDS = 30.0
_MAX_BYTES = 1_000_000


class JudgeClient:
    """Asks one judge. Safe to call from several threads.

    Raises CheckUnavailable when the variable that should hold the key is empty. The key is read from it for
    each request; it is kept nowhere and stands in no message. Redirects are not followed: they would take
    text and key elsewhere. A request takes at most twice `timeout_seconds`.
    """

    def __init__(self, judge: RemoteJudge, clock: Callable[[], float] = time.monotonic) -> None:
        if judge.key_env and not os.environ.get(judge.key_env):
            raise CheckUnavailable(
                f"judge '{judge.name}': the environment variable {judge.key_env} is not set; "
                "it must hold the API key (or set key_env to '')"
            )
        self.judge = judge
        self._url = f"{judge.base_url.rstrip('/')}/chat/completions"
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0
        self._last = ""
        self._http = httpx.Client(
            timeout=judge.timeout_seconds,
            follow_redirects=False,
            verify=judge.base_url.startswith(
                "https"
            ),  # plain http needs no certificates, and they load slowly
        )
        weakref.finalize(self, self._http.close)  # whoever lets go of a guardian closes nothing by hand

    def ask(self, request: Request) -> Reply:
        """The judge's reply. Raises JudgeError, at once while the endpoint is left alone."""
        self._refuse_while_down()
        status, body = self._send(json.dumps(self._body(request)).encode())
        if status != 200:
            self._refused(status)
        with self._lock:
            self._failures = 0
        return self._read(body)

    def fail(self, what: str) -> NoReturn:
        """Raises the JudgeError that says `what` of this judge."""
        raise JudgeError(f"Judge '{self.judge.name}' ({self.judge.model} at {self.judge.base_url}) {what}.")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _body(self, request: Request) -> dict[str, Any]:
        return {
            "model": self.judge.model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "temperature": 0,
            "max_tokens": request.max_tokens,
            "stream": False,
            **({"logprobs": True, "top_logprobs": 5} if request.logprobs else {}),
            **request.extra,
        }

    def _send(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, after a second try if the connection broke."""
        deadline = time.monotonic() + self.judge.timeout_seconds
        for attempt in (1, 2):
            try:
                return self._exchange(body, deadline)
            except httpx.TimeoutException:
                seconds = self.judge.timeout_seconds
                self._down(f"gave no answer within {seconds:g} s: look at its load, or raise timeout_seconds")
            except httpx.TransportError as error:
                if attempt == 2:
                    why = type(error).__name__
                    self._down(f"cannot be reached ({why}): check base_url, and that it runs")
        raise AssertionError("the second try answers or raises")

    def _exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"}
        if self.judge.key_env:
            headers["authorization"] = f"Bearer {os.environ.get(self.judge.key_env, '')}"
        read = bytearray()
        with self._http.stream("POST", self._url, content=body, headers=headers) as response:
            for chunk in response.iter_bytes():
                read += chunk
                if time.monotonic() > deadline:  # a byte now and then must not keep us
                    raise httpx.ReadTimeout("too slow")
                if len(read) > _MAX_BYTES:
                    self._down(f"answers more than {_MAX_BYTES} bytes: that is no chat completion")
            return response.status_code, bytes(read)

    def _refused(self, status: int) -> NoReturn:
        """What the body says is not repeated: servers quote the request in it."""
        key = f"check the key in {self.judge.key_env}" if self.judge.key_env else "set key_env"
        if status in (401, 403):
            self.fail(f"refuses the key (HTTP {status}): {key}")
        if status == 404:
            self.fail(
                "knows no such path or model (HTTP 404): check base_url (it often ends in /v1) and model"
            )
        if 300 <= status < 400:
            self.fail(f"redirects (HTTP {status}): write the final address as base_url")
        if status < 500 and status != 429:
            self.fail(
                f"does not take the request (HTTP {status}): check that adapter and model belong together"
            )
        self._down(f"fails (HTTP {status}): look into its log and at its load")

    def _read(self, body: bytes) -> Reply:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            self.fail("answers what is not JSON: check that base_url is an OpenAI-compatible API")
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            self.fail("answers without choices: check that base_url is an OpenAI-compatible API")
        message = choices[0].get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if not isinstance(text, str) or not text.strip():
            self.fail("answers without text: check that adapter and model belong together")
        return Reply(text, _steps(choices[0].get("logprobs")))

    def _refuse_while_down(self) -> None:
        with self._lock:
            if self._clock() < self._closed_until:
                raise JudgeError(self._last)

    def _down(self, what: str) -> NoReturn:
        """A failure that costs time, or that shows the endpoint to be broken; enough of them make a pause."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                self._closed_until = self._clock() + PAUSE_SECONDS
                judge = self.judge
                self._last = (
                    f"Judge '{judge.name}' ({judge.model} at {judge.base_url}) is not asked for "
                    f"{PAUSE_SECONDS:g} s, for it failed {FAILURES_IN_A_ROW} times in a row or more; "
                    f"the last time it {what}."
                )
        self.fail(what)


def _steps(logprobs: object) -> tuple[Step, ...]:
    """The tokens with their alternatives; none at the first thing that is not as OpenAI has it."""
    if not isinstance(logprobs, dict):
        return ()
    try:
        return tuple(
            Step(
                str(step["token"]),
                tuple({str(t["token"]): float(t["logprob"]) for t in (*step["top_logprobs"], step)}.items()),
            )
            for step in logprobs["content"]
        )
    except (KeyError, TypeError, ValueError):
        return ()
