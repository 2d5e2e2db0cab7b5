"""Forgets a user and is killed at a named point. A process of its own, for test_forget."""

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.served import make_served


async def forget(home: Path, user: str) -> None:
    world = await make_served(home)
    await world.loop.step()  # as a server that was just started: what the refs name is loaded
    await world.forget.erase(user, replayed=False, actor="op")
    await world.forget.finish()


if __name__ == "__main__":
    os.environ["LIVEGRAFT_CRASH_AT"] = sys.argv[3]
    asyncio.run(forget(Path(sys.argv[1]), sys.argv[2]))
