"""The thread that owns the model: runs what it is told between two steps, and steps while there is work."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

import torch

from server.engine.embedded.batch import Batch, Said

_TIDY_SECONDS = 10.0
"""How often an idle engine looks whether what it keeps of prompts is too old."""
_SWITCH_SECONDS = 0.0005
"""The event loop must not wait Python's usual 5 ms for its turn each time it has a chunk to send."""


class Worker:
    """Runs a batch in a thread of its own. `post` may be called from any thread."""

    def __init__(self, threads: int, publish: Callable[[Said], None], died: Callable[[str], None]) -> None:
        """`publish` gets what each step said, `died` why the thread broke; both run in the thread."""
        self._threads = threads
        self._publish = publish
        self._died = died
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name="livegraft-engine", daemon=True)
        self.batch: Batch | None = None
        """Set by the first posted task, which loads the model."""

    def start(self) -> None:
        """Begin taking tasks."""
        self._thread.start()

    def post(self, task: Callable[[], None]) -> None:
        """Run a task in the thread, after those posted before and before the next step."""
        self._inbox.put(task)

    def stop(self) -> None:
        """End after the running step; what is unfinished stays so. Join with `join`."""
        self._stopping = True
        self._inbox.put(lambda: None)

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def _main(self) -> None:
        torch.set_num_threads(self._threads)
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            with torch.inference_mode():
                while not self._stopping:
                    self._turn()
        except Exception as error:  # whatever broke: nobody may be left waiting
            self._died(f"{type(error).__name__}: {error}")
        finally:
            self.batch = None

    def _wait(self) -> None:
        """For the next task. What is kept of prompts ages meanwhile."""
        prefixes = self.batch.prefixes if self.batch is not None else None
        try:
            task = self._inbox.get(
                timeout=_TIDY_SECONDS if prefixes is not None and prefixes.tokens else None
            )
        except Empty:
            assert prefixes is not None
            prefixes.trim()
        else:
            task()

    def _turn(self) -> None:
        if self.batch is None or self.batch.idle:
            self._wait()
        while not self._inbox.empty():
            self._inbox.get()()
        if self.batch is not None and not self.batch.idle and not self._stopping:
            said = self.batch.step()
            if said:
                self._publish(said)
