"""Who may generate now: so many answers at once, chat before background work. Lives on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque

from server.engine.types import EngineError


class Slots:
    """So many answers at once, first come first served, background only where no chat waits."""

    def __init__(self, size: int) -> None:
        """`size` answers at once."""
        self._size = size
        self._chat: deque[asyncio.Future[None]] = deque()
        self._background: deque[asyncio.Future[None]] = deque()
        self.running = 0
        self.busy = 0
        """Chat requests that run or wait."""

    @property
    def waiting(self) -> int:
        """Requests without a slot."""
        return len(self._chat) + len(self._background)

    async def acquire(self, background: bool) -> None:
        """Wait for a slot; each must be released once. Raises what `fail` is given meanwhile."""
        self.busy += not background
        if self.running < self._size and not self.waiting:
            self.running += 1
            return
        queue = self._background if background else self._chat
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except BaseException:
            self.busy -= not background
            if turn in queue:
                queue.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # the slot had been given to a request that was cancelled meanwhile
            raise

    def release(self, background: bool) -> None:
        """Give a slot back; whoever waits longest, chat first, has it next."""
        self.busy -= not background
        self._pass_on()

    def _pass_on(self) -> None:
        self.running -= 1
        for queue in (self._chat, self._background):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    self.running += 1
                    turn.set_result(None)
                    return

    def fail(self, error: EngineError) -> None:
        """Everybody who waits gets the error."""
        for queue in (self._chat, self._background):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_exception(error)
