"""The application on its port, until interrupted."""

from __future__ import annotations

import gc
import socket

import uvicorn

from server import workers
from server.app import create
from server.config import Settings


class Server(uvicorn.Server):
    """Takes what was loaded out of the garbage collector's sight: it lives as long as the process does.

    A full collection went through all of it, and every stream stood still meanwhile (80 ms).
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()


def serve(settings: Settings, worker: socket.socket | None = None) -> None:
    """Run until interrupted. `worker`: the socket to answer on, where several processes share one."""
    config = uvicorn.Config(
        create(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    if worker is not None:
        workers.when_orphaned(lambda: setattr(server, "should_exit", True))
    server.run(sockets=[worker] if worker is not None else None)
