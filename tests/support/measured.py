"""`python -m tests.support.measured FOLDER PROFILE …`: a short update on each, its memory as JSON.

In a process of its own, where nothing that ran before has left pages to take.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from server.learner import profiles
from server.learner.types import UpdateInput
from server.learner.update import run
from server.types import EditState
from tests.support.world import self_edit, told_turn


def main(wanted: list[str]) -> None:
    """One line of JSON for each pair of model folder and recipe."""
    turn = told_turn("The admin port of the Zephyr router is 8443.", "ana")
    edit = self_edit(turn, "Zephyr", 8443, EditState.ALLOWED)
    for folder, name in zip(wanted[::2], wanted[1::2], strict=True):
        recipe = profiles.PROFILES[name]
        profiles.PROFILES["short"] = dataclasses.replace(
            recipe, name="short", min_steps=3, max_steps=3, averaged_steps=1, kl_cap_nats=9.0
        )
        with tempfile.TemporaryDirectory() as cache:
            result = run(UpdateInput(Path(folder), None, (edit,), (), "short"), cache_dir=Path(cache))
        sys.stdout.write(json.dumps(result.provenance["memory"]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
