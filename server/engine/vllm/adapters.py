"""Which adapters the replicas have, kept equal to what the engine has: staged everywhere, then shown.

Nothing here moves a request. One change at a time; a replica that comes up waits for its turn, so that it can
neither miss a version nor keep one that is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from server.engine.types import BadAdapter, EngineDead
from server.engine.vllm.check import Shapes, check_adapter, write_zeros
from server.engine.vllm.client import Served
from server.engine.vllm.errors import Refused, ReplicaFailed
from server.engine.vllm.replica import Replica
from server.engine.vllm.staging import Staged, Staging
from server.types import BASE_VERSION

log = logging.getLogger("livegraft.engine")


class Adapters:
    """The staged versions of one engine, on all of its replicas."""

    def __init__(self, staging: Staging, shapes: Shapes, max_rank: int, replicas: Sequence[Replica]) -> None:
        self._staging = staging
        self._shapes = shapes
        self._max_rank = max_rank
        self._replicas = replicas
        self._staged: dict[str, tuple[Staged, Path]] = {}
        """Version → where it lies for the replicas, and what it was placed from."""
        self._changing = asyncio.Lock()

    def get(self, version: str) -> Staged:
        """A loaded version's adapter."""
        return self._staged[version][0]

    def keep_base(self, folder: Path) -> None:
        """From now on the base, too, is an adapter, of zeros. Call it before any replica is asked."""
        write_zeros(folder, next(iter(self._shapes.items())))
        self._staged[BASE_VERSION] = self._staging.put(BASE_VERSION, folder), folder

    async def load(self, version: str, source: Path) -> None:
        """Have every ready replica load a version. Raises BadAdapter; then none of them keeps it.

        A replica that fails at it is taken out and gets it when it comes back. Raises EngineDead when no
        replica has it in the end.
        """
        async with self._changing:
            await asyncio.to_thread(check_adapter, source, self._shapes, self._max_rank)
            staged = await asyncio.to_thread(self._staging.put, version, source)
            asked = [replica for replica in self._replicas if replica.state == "ready"]
            refusals = await asyncio.gather(*[self._load_on(replica, staged) for replica in asked])
            refused = [text for text in refusals if text]
            if not refused and any(replica.state == "ready" for replica in asked):
                self._staged[version] = staged, source
                return
            await self._forget(staged.name)
            if refused:
                raise BadAdapter(f"{version} was refused by a replica, so none serves it: {refused[0]}")
            whys = "; ".join(f"{replica.name}: {replica.why}" for replica in self._replicas)
            raise EngineDead(f"no replica could load {version} ({whys})")

    async def unload(self, version: str) -> None:
        """Have every replica forget a version whose requests have ended; its files go when none lists it."""
        async with self._changing:
            known = self._staged.pop(version, None)
            if known is not None:
                await self._forget(known[0].name)

    async def reconcile(self, replica: Replica) -> None:
        """Give a replica what it lacks, take what nobody asks for, and call it ready: its list is the truth.

        Raises ReplicaFailed when it cannot be made whole.
        """
        async with self._changing:
            served = await replica.client.served()
            wanted = {staged.name: version for version, (staged, _) in self._staged.items()}
            for name in served.adapters:
                if self._staging.ours(name) and name not in wanted:
                    await replica.client.unload(name)
            if replica.state in ("starting", "out"):  # it may have no such routes: better known now
                await replica.client.unload(f"{self._staging.tag}probe")
            for name, version in wanted.items():
                await self._give(replica, served, name, version)
            replica.ready(served)
            if all(other.state == "ready" for other in self._replicas):
                await self._sweep(set(wanted))

    async def _give(self, replica: Replica, served: Served, name: str, version: str) -> None:
        staged, source = self._staged[version]
        if not await asyncio.to_thread(self._staging.there, name):
            log.warning("the staged files of %s had vanished; they are placed again", version)
            staged = await asyncio.to_thread(self._staging.put, version, source)
        if served.adapters.get(name) == staged.path:
            return
        if replica.state in ("ready", "suspect"):
            replica.suspect(f"it has lost {version}")
            replica.adapters_lost += 1
            log.warning("replica %s has lost %s; it is loaded again", replica.name, version)
        if name in served.adapters:  # from a folder that was elsewhere
            await replica.client.unload(name)
        await replica.client.load(staged.name, staged.path)

    async def _load_on(self, replica: Replica, staged: Staged) -> str:
        """'' or why the adapter was refused; a replica that does not answer is suspected instead."""
        try:
            await replica.client.load(staged.name, staged.path)
        except Refused as refusal:
            if not (refusal.fatal or refusal.busy):
                return f"{replica.name}: {refusal.message}"
            replica.suspect(refusal.message)
        except ReplicaFailed as error:
            replica.suspect(str(error))
        return ""

    async def _forget(self, name: str) -> None:
        """Unload a name wherever it may be; delete its files unless a replica still lists it, or may."""
        gone = await asyncio.gather(*[self._forget_on(replica, name) for replica in self._replicas])
        if all(gone):
            await asyncio.to_thread(self._staging.remove, name)

    async def _forget_on(self, replica: Replica, name: str) -> bool:
        """Whether this replica is known not to have the name, and to have no request for it."""
        if replica.state in ("starting", "out"):
            return replica.process is not None  # ours begins again with an empty list; another's may be full
        try:
            await replica.client.unload(name)
            # Requests that were cancelled a moment ago leave the engine in the order in which it was told:
            # when it has made a token after that, none of them can ask for the files any more.
            await replica.try_out()
            return name not in (await replica.client.served()).adapters
        except (ReplicaFailed, Refused) as error:
            replica.suspect(str(error))
            return False

    async def _sweep(self, wanted: set[str]) -> None:
        """Delete what earlier unloads had to leave, once every replica is known not to list it."""
        left = set(await asyncio.to_thread(self._staging.names)) - wanted
        if not left:
            return
        try:
            listed = [(await replica.client.served()).adapters for replica in self._replicas]
        except (ReplicaFailed, Refused):
            return
        for name in left:
            if not any(name in adapters for adapters in listed):
                await asyncio.to_thread(self._staging.remove, name)
