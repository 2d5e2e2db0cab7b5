"""`scripts/bench learning` on a server with the scripted engine: the protocol whole, and taken up again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scripts.benchmarks import learning
from scripts.benchmarks.common import serving
from scripts.benchmarks.recall.material import Material, natural
from scripts.benchmarks.recall.progress import Progress
from scripts.benchmarks.recall.teach import AT_ONCE

OPTIONS = {"model": "seedling", "facts": 2, "per_update": 2, "later": 1, "checkpoints": [0, 1]}


def small() -> Material:
    """Two facts of a form that the scripted engine can write about, and few further questions."""
    drawn = natural(7, 3)
    return dataclasses.replace(
        drawn,
        facts=tuple(
            dataclasses.replace(fact, sentence=f"The code of the {name} depot is {value}.", accepted=(value,))
            for fact, name, value in zip(
                drawn.facts, ("Eskmere", "Fendey", "Grimow"), ("K17", "L28", "M39"), strict=True
            )
        ),
        general=drawn.general[:3],
        untold=drawn.untold[:2],
    )


def test_a_run_that_was_stopped_goes_on_and_asks_the_same_at_every_checkpoint(tmp_path: Path) -> None:
    with serving("fake", *AT_ONCE, "--engine.kind=fake", home=tmp_path) as server:
        with pytest.raises(TimeoutError, match="writing the self-edits did not happen"):
            learning.Run(server, small(), Progress(tmp_path, OPTIONS), seconds=-1).go()
        told = dict(Progress(tmp_path, OPTIONS).turns)
        progress = Progress(tmp_path, OPTIONS)
        run = learning.Run(server, small(), progress, seconds=60)
        run.go()
        result = run.result()
    assert set(told) == {"0", "1"}
    assert {number: progress.turns[number] for number in told} == told
    assert [group["facts"] for group in progress.groups] == [[0, 1], [2]]
    assert result["learned of all"] == "3 of 3"
    assert result["runs of the learner"] == {"learn accepted": 2}
    first, second = (progress.checkpoints[at] for at in ("0", "1"))
    assert (first["version"], second["version"]) == ("v1", "v2")
    assert [a["question"] for a in first["answers"]] == [a["question"] for a in second["answers"]]
    assert result["table"][0] == ["", "base", "in context", "at once", "after 1"]
    assert [fact["fate"] for fact in result["facts"]] == ["learned", "learned"]


def test_a_run_that_ends_early_tells_what_is_known_and_goes_on_later(tmp_path: Path) -> None:
    with serving("fake", *AT_ONCE, "--engine.kind=fake", home=tmp_path) as server:
        early = learning.Run(server, small(), Progress(tmp_path, OPTIONS), seconds=60, until=0)
        early.go()
        result = early.result()
        assert (result["later updates"], result["learned of all"]) == ("0 of 1", "2 of 2")
        assert result["table"][0] == ["", "base", "in context", "at once"]
        whole = learning.Run(server, small(), Progress(tmp_path, OPTIONS), seconds=60)
        whole.go()
        assert whole.result()["later updates"] == "1 of 1"
