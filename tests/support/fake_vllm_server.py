"""Servers of paper on real ports, in threads: started, killed and started again by tests."""

from __future__ import annotations

import threading
import time
from typing import Any

import uvicorn

from server.engine.vllm.process import free_port
from tests.support.fake_vllm import make_app
from tests.support.fake_vllm_core import Core


class FakeServer:
    """One address. `core` is what runs there now; after `start` it is a new one that has nothing loaded."""

    def __init__(self, **core: Any) -> None:
        self.port = free_port()
        self._given = core
        self.core = Core(**core)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> FakeServer:
        """Listen; returns when it answers."""
        self.core = Core(**self._given)
        config = uvicorn.Config(
            make_app(self.core), port=self.port, log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        server = self._server = uvicorn.Server(config)
        self.core.on_death = lambda: setattr(server, "should_exit", True)
        self._thread = threading.Thread(target=server.run, daemon=True)
        self._thread.start()
        while not server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.002)
        return self

    def kill(self) -> None:
        """Be gone, with whatever was under way."""
        if self._server is None or self._thread is None:
            return
        self.core.dead, self.core.hung = True, False
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "the server did not stop"
