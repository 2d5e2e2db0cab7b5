"""Synthetic people who chat over HTTP, a few at a time, and judge what they get as people do.

Each asks general questions whose answers are known. Who gets no right answer objects sometimes, and sometimes
asks the same again. They know nothing of versions: all that the server learns from them is what it would
learn from anybody.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from scripts.benchmarks.common import holds

OBJECTS, ASKS_AGAIN = 0.6, 0.4
"""How often somebody who got no right answer objects, and how often they ask again."""
Known = tuple[str, tuple[str, ...]]
"""A question, and strings one of which a right answer holds."""


@dataclass(slots=True)
class Told:
    """What happened, over all people; by version where it says so."""

    asked: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    objections: int = 0
    failed: int = 0


class People:
    """`count` people of whom a few speak at a time, within `with`."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str,
        count: int,
        questions: Sequence[Known],
        at_once: int,
        think_seconds: float,
    ) -> None:
        self.told = Told()
        self._url, self._model, self._count, self._questions = url, model, count, questions
        self._think_seconds = think_seconds
        self._headers = {"authorization": f"Bearer {key}"}
        self._lock, self._stop, self._awake = threading.Lock(), threading.Event(), threading.Event()
        self._awake.set()
        self._threads = [threading.Thread(target=self._speak, args=(n,)) for n in range(at_once)]

    def __enter__(self) -> People:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._awake.set()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Nobody speaks within it: learning makes way for chat, and would take longer."""
        self._awake.clear()
        try:
            yield
        finally:
            self._awake.set()

    @property
    def turns(self) -> int:
        """Answers so far."""
        with self._lock:
            return sum(self.told.asked.values())

    def _speak(self, number: int) -> None:
        rng = random.Random(number)
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=120) as client:
            while not self._stop.is_set():
                self._stop.wait(self._think_seconds)
                self._awake.wait()
                user = f"person-{rng.randrange(self._count)}"
                try:
                    self._talk(client, rng, user)
                except httpx.HTTPError as error:
                    print(f"failed: {type(error).__name__}: {error}")
                    with self._lock:
                        self.told.failed += 1

    def _talk(self, client: httpx.Client, rng: random.Random, user: str) -> None:
        question, values = rng.choice(self._questions)
        messages = [{"role": "user", "content": question}]
        answer, turn = self._ask(client, user, messages, values)
        if holds(answer, values):
            return
        if rng.random() < OBJECTS:
            said = {"turn_id": turn, "value": False, "user": user}
            client.post("/v1/feedback", json=said).raise_for_status()
            with self._lock:
                self.told.objections += 1
        if rng.random() < ASKS_AGAIN:
            said_before = {"role": "assistant", "content": answer}
            self._ask(client, user, [*messages, said_before, *messages], values)

    def _ask(
        self, client: httpx.Client, user: str, messages: list[dict[str, str]], values: tuple[str, ...]
    ) -> tuple[str, str]:
        body = {
            "model": self._model,
            "messages": messages,
            "user": user,
            "temperature": 0,
            "max_tokens": 32,
        }
        got = client.post("/v1/chat/completions", json=body)
        got.raise_for_status()
        answer = str(got.json()["choices"][0]["message"]["content"] or "")
        version = got.headers["x-livegraft-version"]
        with self._lock:
            self.told.asked[version] = self.told.asked.get(version, 0) + 1
            self.told.wrong[version] = self.told.wrong.get(version, 0) + (not holds(answer, values))
        return answer, got.headers["x-livegraft-turn"]
