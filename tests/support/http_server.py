"""A whole API on a real port: real ledger, store, guardian and rollout moves, and the scripted engine."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import openai
import uvicorn
from fastapi import FastAPI

from adapter_store import Store
from guardian import Guardian, Policy
from server.api import Context, create_api
from server.api.policy import ApiPolicy
from server.embedding import Embedding
from server.embedding.local import LocalEmbedding
from server.engine.fake import FakeEngine, Rule
from server.engine.types import Engine, Feature
from server.ledger import Ledger, LedgerError
from server.operations import Operations, Preview
from server.rollout import Fleet, Forget, Moves, RolloutPolicy
from server.types import Turn, UpdateState
from tests.support.world import World

T = TypeVar("T")
MODEL = "tiny"
CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Bern"}}</tool_call>'
"""What the engine says to call a tool; text where there is none."""
SCRIPT = (
    Rule("^What is the admin port", ("I don't know that.",), {"v1": "It is 8443.", "v2": "It is 9000."}),
    Rule("count", ("one two three four five six seven eight nine ten",)),
    Rule("silence", ("",)),
    Rule("umlaut", ("Grüße, 世界 🙂",)),
    Rule("weather in Bern", (CALL,)),
    Rule("choose", ("heads", "tails", "edge")),
)
POLL_SECONDS = 0.05


async def _preview(turn: Turn) -> dict[str, object]:
    return {"self_edits": [], "reason": f"{turn.user} said {turn.prompt!r}"}


@dataclass
class Live:
    """A running server and what stands behind it."""

    url: str
    world: World
    moves: Moves
    operations: Operations
    context: Context
    loop: asyncio.AbstractEventLoop
    _clients: list[httpx.Client | openai.OpenAI] = field(default_factory=list)

    @property
    def engine(self) -> FakeEngine:
        """The scripted engine that answers."""
        return self.world.engine

    @property
    def ledger(self) -> Ledger:
        """The ledger that the server writes."""
        return self.world.ledger

    def http(self, key: str = "") -> httpx.Client:
        """A plain client, closed with the server."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        self._clients.append(client)
        return client

    def openai(self, key: str = "any", retries: int = 0) -> openai.OpenAI:
        """OpenAI's own client, closed with the server."""
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=retries)
        self._clients.append(client)
        return client

    def ask(
        self, text: str, key: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """One user message, not streamed."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
        return self.http(key).post("/v1/chat/completions", json=body, headers=headers)

    def turn_of(self, response: httpx.Response) -> Turn:
        """The turn that an answer became."""
        return self.ledger.turn(response.headers["x-livegraft-turn"])

    def learn(self, name: str = "Zephyr", port: int = 8443) -> str:
        """Have a fact told, written, trained and recorded as the next version; returns its name."""
        self.world.tell(name, port)
        update = self.world.learner().step()
        assert update is not None
        assert update.state is UpdateState.ACCEPTED
        assert update.version is not None
        return update.version

    def show(self, version: str) -> None:
        """Make this version the canary."""
        self.run(self.moves.start(self.ledger.version(version)))
        self.run(self.operations.refresh())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def eventually(self, holds: Callable[[], object]) -> None:
        """Wait for what happens after the answer."""
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.01)


@contextmanager
def run_live(
    home: Path,
    policy: ApiPolicy,
    weight: float = 1.0,
    max_batch: int = 32,
    judged_by: Policy | None = None,
    preview: Preview = _preview,
    features: frozenset[Feature] = frozenset({"tools"}),
    embedding: Embedding | None = None,
    thinking: Engine | None = None,
) -> Iterator[Live]:
    """A server in a thread, stopped on leaving; canaries go to `weight` of the users.

    The scripted engine answers, or `thinking` in its place.
    """
    engine = FakeEngine(SCRIPT, model_name=MODEL, max_batch=max_batch, features=features)
    answering: Any = thinking or engine
    world = World(Ledger.open(home), Store(home / "store"), answering)
    rollout = RolloutPolicy(weight=weight, auto_promote=False)
    fleet = Fleet(world.ledger, world.store, world.engine)
    moves = Moves(world.ledger, world.store, world.engine, fleet, rollout)
    forget = Forget(world.ledger, world.store, fleet, moves)
    operations = Operations(world.ledger, world.engine, fleet, moves, forget, preview)
    judge = Guardian(judged_by or Policy())
    context = Context(policy, world.engine, world.ledger, judge, operations, embedding or LocalEmbedding())
    app = create_api(context)
    loops: list[asyncio.AbstractEventLoop] = []

    async def poll() -> None:
        while True:
            with suppress(LedgerError):
                await operations.refresh()
            await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await world.engine.start()
        await operations.refresh()
        loops.append(asyncio.get_running_loop())
        polling = asyncio.create_task(poll())
        yield
        polling.cancel()
        await context.drain()
        await context.embedding.close()
        await world.engine.close()

    app.router.lifespan_context = lifespan
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.002)
    port = server.servers[0].sockets[0].getsockname()[1]
    live = Live(f"http://127.0.0.1:{port}", world, moves, operations, context, loops[0])
    try:
        yield live
    finally:
        for client in live._clients:
            client.close()
        server.should_exit = True
        thread.join(20)
        world.ledger.close()
        assert not thread.is_alive(), "the server did not stop"
