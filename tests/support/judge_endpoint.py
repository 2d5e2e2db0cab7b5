"""An OpenAI-compatible endpoint on a real port: it answers what a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Tokens = list[tuple[str, dict[str, float]]]
"""Each generated token with the log-probabilities of what might have stood there."""


@dataclass
class Endpoint:
    """A running endpoint. `body` or `status` may be changed while it runs."""

    url: str = ""
    body: bytes | Callable[[dict[str, Any]], bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    """How long it thinks before it answers."""
    drip_seconds: float = 0.0
    """How long it waits before each byte of the answer; 0 sends all at once."""
    cut: int = 0
    """So many next connections are closed without an answer."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def says(self, text: str | None, tokens: Tokens | None = None) -> Endpoint:
        """Have it answer one chat completion."""
        self.body = completion(text, tokens)
        return self


def completion(text: str | None, tokens: Tokens | None = None) -> bytes:
    """A chat completion as OpenAI's API and vLLM have it."""
    logprobs = None
    if tokens is not None:
        steps = [
            {
                "token": token,
                "logprob": alternatives[token],
                "bytes": list(token.encode()),
                "top_logprobs": [
                    {"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in alternatives.items()
                ],
            }
            for token, alternatives in tokens
        ]
        logprobs = {"content": steps}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": logprobs,
        "finish_reason": "stop",
    }
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}).encode()


@contextmanager
def judge_endpoint() -> Iterator[Endpoint]:
    """An endpoint on a free port, stopped on leaving."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            endpoint.requests.append(asked)
            endpoint.authorizations.append(self.headers.get("authorization", ""))
            endpoint.paths.append(self.path)
            if endpoint.cut:
                endpoint.cut -= 1
                self.close_connection = True
                return
            time.sleep(endpoint.wait_seconds)
            body = endpoint.body(asked) if callable(endpoint.body) else endpoint.body
            try:
                self._answer(body)
            except OSError:  # the client did not wait
                self.close_connection = True

        def _answer(self, body: bytes) -> None:
            self.send_response(endpoint.status)
            for name, value in endpoint.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if not endpoint.drip_seconds:
                self.wfile.write(body)
                return
            for byte in body:
                time.sleep(endpoint.drip_seconds)
                self.wfile.write(bytes([byte]))

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
