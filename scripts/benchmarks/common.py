"""What every benchmark and the demo share: a fresh server in a folder of its own, and the words to ask it.

Everything goes over HTTP, as a user would do it; nothing is imported from the server's inside.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A running Livegraft and how to speak to it."""

    def __init__(self, url: str, model: str, pid: int, home: Path, log: Path) -> None:
        self.url = url
        self.model = model
        self.pid = pid
        self.home = home
        self.log = log
        self.http = httpx.Client(base_url=url, timeout=120)

    def get(self, path: str) -> Any:
        """GET a route, JSON decoded; raises on an error status."""
        answer = self.http.get(path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST to a route, JSON decoded; raises on an error status, with what the server said."""
        answer = self.http.post(path, json=body or {})
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def ask(
        self,
        question: str | Sequence[dict[str, str]],
        user: str,
        at: str = "",
        store: bool = False,
        max_tokens: int = 48,
    ) -> tuple[str, dict[str, Any], str]:
        """One greedy answer: its text, the `adapter` object and the turn's id."""
        messages = [{"role": "user", "content": question}] if isinstance(question, str) else list(question)
        answer = self.http.post(
            "/v1/chat/completions",
            json={
                "model": self.model + at,
                "messages": messages,
                "user": user,
                "store": store,
                "temperature": 0,
                "max_tokens": max_tokens,
            },
        )
        if answer.is_error:
            raise RuntimeError(f"{answer.status_code} {answer.text}")
        body = answer.json()
        return (
            body["choices"][0]["message"]["content"],
            body["adapter"],
            answer.headers["x-livegraft-turn"],
        )

    def tell(self, sentence: str, user: str) -> str:
        """Tell the chat something it may learn; returns the turn's id."""
        return self.ask(sentence, user, store=True)[2]

    def learning_state(self, turn: str) -> str:
        """Where the turn's learning stands, in the server's words."""
        return str(self.get(f"/v1/turns/{turn}")["state"])

    def wait_for(self, what: str, done: Any, seconds: float) -> float:
        """Poll `done()` until it is true; returns the seconds it took, or raises TimeoutError."""
        begin = time.monotonic()
        while not done():
            if time.monotonic() - begin > seconds:
                tail = "\n".join(self.log.read_text().splitlines()[-25:])
                raise TimeoutError(
                    f"{what} did not happen within {seconds:.0f} s; the server's log ends:\n{tail}"
                )
            time.sleep(0.2)
        return time.monotonic() - begin

    def processes(self) -> list[psutil.Process]:
        """The server and everything it started."""
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]


@contextmanager
def serving(
    model: str, *flags: str, home: Path | None = None, ready_seconds: float = 180, core: int | None = None
) -> Iterator[Server]:
    """A fresh server for one benchmark; its state is removed afterwards unless `home` was given.

    `core`: the one that it is held to, where it is not to share those of the load generator.
    """
    folder = home or Path(tempfile.mkdtemp(prefix="livegraft-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = folder / "server.log"
    held = [] if core is None else ["taskset", "-c", str(core)]
    command = [*held, sys.executable, "-m", "server", "serve", "--model", model, "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*command, "--home", str(folder), *flags], stdout=out, stderr=out, cwd=ROOT, env=os.environ
        )
    server = Server(f"http://127.0.0.1:{port}", model, process.pid, folder, log)
    try:
        server.wait_for("ready", lambda: ready(server, process), ready_seconds)
        yield server
    finally:
        server.http.close()
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


def ready(server: Server, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server says it is ready; raises when it has died."""
    if process.poll() is not None:
        raise RuntimeError(
            f"the server ended with code {process.returncode}:\n{server.log.read_text()[-3000:]}"
        )
    try:
        return server.http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MemoryWatch:
    """Samples the resident memory of all processes together while a benchmark runs.

    Shared pages (the mapped base weights) are counted once: the sum of proportional set sizes.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            self.peak_mb = max(self.peak_mb, self.sample_mb())

    def sample_mb(self) -> float:
        """Megabytes resident now, shared pages once."""
        total = 0
        for process in self._server.processes():
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total / 1e6


END_STATES = frozenset({"trained", "memory_only", "blocked", "quarantined", "revoked"})
"""States of a self-edit that learning moves on from only when somebody asks for it."""


def settled(server: Server, turns: Sequence[str]) -> bool:
    """Whether every turn's learning has come to an end, one way or another."""
    return all(_ended(server.get(f"/v1/turns/{turn}")) for turn in turns)


def written(server: Server, turns: Sequence[str]) -> bool:
    """Whether the editor is done with every turn: its self-edits are there, or there is nothing to learn."""
    found = [server.get(f"/v1/turns/{turn}") for turn in turns]
    return all(turn["self_edits"] or _ended(turn) for turn in found)


def _ended(turn: dict[str, Any]) -> bool:
    if turn["self_edits"]:
        return all(edit["state"] in END_STATES for edit in turn["self_edits"])
    return str(turn["state"]).startswith(("nothing to learn", "not learned"))


def all_shown(server: Server) -> bool:
    """Whether the newest accepted version is stable, no update runs, and no canary lives."""
    refs = server.get("/v1/adapters")["refs"]
    updates = server.get("/v1/learner?limit=100")["updates"]
    newest = next((update["version"] for update in updates if update["state"] == "accepted"), refs["stable"])
    running = any(update["state"] == "running" for update in updates)
    return refs["canary"] is None and refs["stable"] == newest and not running


def trained_prompts(server: Server, turn: str) -> set[str]:
    """The questions that the self-edits of a turn trained, to keep them out of the grading."""
    return {
        plain(example["prompt"])
        for edit in server.get(f"/v1/turns/{turn}")["self_edits"]
        for example in edit["examples"]
        if example["prompt"]
    }


def plain(question: str) -> str:
    """A question without case, spacing and punctuation."""
    return "".join(c for c in question.lower() if c.isalnum() or c == " ").strip()


def ask_all(
    server: Server,
    questions: Sequence[str | Sequence[dict[str, str]]],
    at: str,
    tag: str,
    max_tokens: int = 48,
) -> list[str]:
    """Each question from a new user in a new conversation, eight at a time."""
    with ThreadPoolExecutor(8) as pool:
        return list(
            pool.map(
                lambda item: server.ask(item[1], f"{tag}-{item[0]}", at, max_tokens=max_tokens)[0],
                enumerate(questions),
            )
        )


def holds(answer: str, values: Sequence[str]) -> bool:
    """Whether the answer contains one of the values as whole words, case and spacing aside."""
    text = " ".join(answer.lower().split())
    return any(
        re.search(rf"(?<![\w.]){re.escape(' '.join(value.lower().split()))}(?![\w])", text)
        for value in values
    )


def abstains(answer: str) -> bool:
    """Whether the answer says that it does not know."""
    text = answer.lower().replace("’", "'")
    return any(words in text for words in ("don't know", "do not know", "not know that", "nobody has told"))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }


def report(name: str, figures: dict[str, Any], out: Path | None, **details: Any) -> None:
    """Print the figures as a table and keep them, with any details, as JSON."""
    width = max(len(key) for key in figures)
    for key, value in figures.items():
        print(f"{key:<{width}}  {value}")
    path = out or ROOT / "runs" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"benchmark": name, "machine": machine(), "figures": figures, **details}
    path.write_text(json.dumps(kept, indent=1))
    print(f"\nwritten to {path}")


def share(hits: int, of: int) -> str:
    """`9 of 10 (90 %)`."""
    return f"{hits} of {of} ({100 * hits / of:.0f} %)" if of else "none asked"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank); 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
