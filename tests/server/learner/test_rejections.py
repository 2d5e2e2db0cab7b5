"""When refusals become an alarm."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.learner import fake
from server.learner.rejections import IN_A_ROW, Rejections
from server.learner.types import GateReport, UpdateInput, UpdateResult
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.ledger.close()


def refusing(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
    return UpdateResult(None, GateReport(False, "locality 20 of 40, 38 needed", {}))


def alarms(world: World) -> list[str]:
    watch = Rejections(world.ledger)
    asyncio.run(watch.refresh())
    return watch.alarms()


def test_three_refused_updates_in_a_row_are_an_alarm_that_names_the_reason(world: World) -> None:
    assert alarms(world) == []
    for port in range(IN_A_ROW):
        assert alarms(world) == []
        world.tell("Zephyr", 8000 + port)
        world.learner(refusing).step()
    (alarm,) = alarms(world)
    assert "last 3 updates" in alarm
    assert "locality 20 of 40" in alarm


def test_an_accepted_update_ends_the_alarm_and_an_empty_one_does_not(world: World) -> None:
    for port in range(IN_A_ROW + 1):
        world.tell("Zephyr", 8000 + port)
        world.learner(refusing).step()
    while world.learner(refusing).step() is not None:
        pass
    world.ledger.request_run()
    world.learner(refusing).step()
    assert len(alarms(world)) == 1
    world.tell("Kelso", 9001)
    world.learner(fake.run).step()
    assert alarms(world) == []
