"""One replica: where it is, how it is, and the loop that keeps it that way.

    starting ──▶ ready ◀──▶ suspect
        ▲          │          │
        └── out ◀──┴──────────┘

Only a ready replica is asked, and it is ready only while it has every version that the engine has. Whoever
finds it wanting says so with `suspect`; the loop then looks, and takes it out or back. A process of our own
that is out is ended and started again; a replica at an address is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from server.engine.vllm.client import ReplicaClient, Served
from server.engine.vllm.errors import Misconfigured, Refused, ReplicaFailed
from server.engine.vllm.process import ServeProcess

log = logging.getLogger("livegraft.engine")
State = Literal["starting", "ready", "suspect", "out"]
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""After so long without trouble the pauses begin anew."""
Reconcile = Callable[["Replica"], Awaitable[None]]
"""Makes a replica's adapters those of the engine and calls `ready`; raises ReplicaFailed when it cannot."""


class Replica:
    """What is known of one replica. Lives on the event loop."""

    def __init__(
        self,
        name: str,
        client: ReplicaClient,
        process: ServeProcess | None,
        probe_seconds: float,
        start_seconds: float,
    ) -> None:
        self.name = name
        self.client = client
        self.process = process
        """None when somebody else runs it."""
        self.state: State = "starting"
        self.why = "it has not answered yet"
        """What is wrong, '' while nothing is."""
        self.hopeless = False
        """Whether it must be started otherwise, by a person."""
        self.base = ""
        self.max_model_len = 0
        self.running = 0
        """Requests under way there, ours."""
        self.restarts = 0
        """How often it came back after having been out."""
        self.adapters_lost = 0
        """Adapters that were loaded and had to be loaded again."""
        self._probe_seconds = probe_seconds
        self._start_seconds = start_seconds
        self._look = asyncio.Event()

    def suspect(self, why: str) -> None:
        """Do not ask it anything until its loop has looked."""
        if self.state == "ready":
            self.state, self.why = "suspect", why
        self._look.set()

    def ready(self, served: Served) -> None:
        """It has all that is asked of it."""
        self.base, self.max_model_len = served.base, served.max_model_len
        if self.state in ("starting", "out"):
            log.info("replica %s is ready", self.name)
        self.state, self.why = "ready", ""

    async def keep(self, reconcile: Reconcile) -> None:
        """For ever: have it come up, watch it, and begin again when it fails."""
        pause, first = FIRST_PAUSE_SECONDS, True
        while True:
            began = time.monotonic()
            try:
                await self._come_up(reconcile)
                self.restarts += not first
                first = False
                await self._watch(reconcile)
            except (ReplicaFailed, Refused) as error:
                self._out(error)
                # A process that could not be started even once is not waited for either.
                self.hopeless = isinstance(error, Misconfigured) or (first and self.process is not None)
            except Exception as error:  # a full disk, say: this loop alone may bring the replica back
                log.exception("replica %s: looking after it failed", self.name)
                self._out(error)
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if self.process is not None:
                await self.process.stop()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS if self.process else 8 * FIRST_PAUSE_SECONDS)
            self.state = "starting" if self.process is not None else self.state

    async def close(self) -> None:
        """End the process, if it is ours, and all connections."""
        self.state, self.why = "out", "the engine was closed"
        await self.client.close()
        if self.process is not None:
            await self.process.stop()

    async def _come_up(self, reconcile: Reconcile) -> None:
        if self.process is not None:
            await self.process.start()
            await self._wait_until_healthy()
        await self.client.served()
        # Its first token may take long (kernels are compiled), and must not be waited for by a request.
        await self.try_out(self._start_seconds if self.process is not None else None)
        await reconcile(self)
        self.hopeless = False

    async def _wait_until_healthy(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + self._start_seconds
        while True:
            self.process.check()
            try:
                await self.client.health()
                return
            except (ReplicaFailed, Refused) as error:
                if time.monotonic() > deadline:
                    raise ReplicaFailed(
                        f"it was not ready within {self._start_seconds:g} s (vllm.start_seconds); "
                        f"see {self.process.log}"
                    ) from error
            await asyncio.sleep(0.1)

    async def _examine(self, reconcile: Reconcile) -> None:
        await self.client.health()
        await reconcile(self)

    async def _watch(self, reconcile: Reconcile) -> None:
        while True:
            suspected = await self._due()
            if self.process is not None:
                self.process.check()
            if suspected:
                await self.try_out()
            await self._examine(reconcile)

    async def _due(self) -> bool:
        """Wait for the next look; True when something is suspected."""
        try:
            async with asyncio.timeout(self._probe_seconds):
                await self._look.wait()
        except TimeoutError:
            return False
        self._look.clear()
        return True

    async def try_out(self, seconds: float | None = None) -> None:
        """Have the engine itself make a token: an HTTP server may say that it is well over a hung engine.

        Without `seconds` it has as long as any request.
        """
        body = {"prompt": "a", "max_tokens": 1, "temperature": 0}
        await self.client.ask("/v1/completions", body, seconds)

    def _out(self, error: Exception) -> None:
        told = str(error) or type(error).__name__
        if self.why != told:
            log.warning("replica %s is out: %s", self.name, told)
        self.state, self.why = "out", told
