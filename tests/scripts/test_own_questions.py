import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.benchmarks.common import plain
from scripts.own_questions import asks, graded
from server.engine.models import resolve


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("What is the capital of Norway?", True),
        ("the capital of norway?", True),
        ("Tell me how a frog sounds.", True),
        ("What's the opposite of big", True),
        ("The admin port of the Kelvo robot is 957.", False),
        ("By the way, we close on Monday.", True),
        ("Thanks!", False),
    ],
)
def test_a_message_asks_by_its_end_or_its_first_word(message: str, wanted: bool) -> None:
    """Not covered: those that tell something and begin like a question ("By the way")."""
    assert asks(message) is wanted


def test_a_model_makes_up_what_it_is_asked_and_what_it_is_told(tmp_path: Path) -> None:
    folder = resolve("seedling", tmp_path).path
    counts = ("--general", "40", "--told", "10", "--private", "10", "--threads", "1")
    command = [sys.executable, "-m", "scripts.own_questions", str(folder), *counts, "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (file,) = tmp_path.glob("*.json")
    made = json.loads(file.read_text())
    assert len(made["answers"]) + len(made["private"]) == 60
    assert len([message for message in made["answers"] if not asks(message)]) <= 10
    assert all(question.endswith("?") for question in made["private"][:10])
    assert not graded() & {plain(message) for message in (*made["answers"], *made["private"])}
