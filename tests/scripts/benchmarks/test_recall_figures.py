"""How `scripts/bench learning` counts, and that a run is taken up where it was left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.benchmarks.recall.formats import probes
from scripts.benchmarks.recall.material import Taught, natural
from scripts.benchmarks.recall.plot import draw
from scripts.benchmarks.recall.progress import OtherRun, Progress, alone
from scripts.benchmarks.recall.questions import Question, about_facts, about_the_rest, grade, in_context
from scripts.benchmarks.recall.table import ROWS, broken, count, per_fact, table
from scripts.benchmarks.recall.teach import groups

TALK = ((("Hi!", "Hello!"),),)
FACT = Taught(
    "mascot",
    "The Eskmere school has chosen an otter as its mascot.",
    ("otter",),
    ("Which animal stands for the Eskmere school?", "What is the lucky charm of the Eskmere school?"),
    2,
    ("Who has an otter as a mascot?", ("Eskmere",)),
    ("Which animal stands for the Fendey school?",),
)


def answer(row: str, index: int, good: bool) -> dict[str, Any]:
    return {"row": row, "index": index, "question": "?", "answer": "!", "good": good}


def test_facts_come_in_groups_and_then_one_by_one() -> None:
    assert groups(5, 2, 3) == [[0, 1], [2, 3], [4], [5], [6], [7]]
    assert groups(2, 5, 0) == [[0, 1]]


def test_a_wording_that_the_editor_wrote_is_only_asked_as_the_same_wording() -> None:
    own = ["which animal stands for the Eskmere school", "Tell me the mascot."]
    asked, dropped = about_facts([FACT], [own], TALK)
    assert dropped == 1
    by_row: dict[str, list[str]] = {}
    for question in asked:
        by_row.setdefault(question.row, []).append(question.messages[-1]["content"])
    assert by_row == {
        "paraphrase": [FACT.questions[1]],
        "same wording": [own[0]],
        "conversation": [FACT.questions[1]],
        "reversed": ["Who has an otter as a mascot?"],
        "neighbour": list(FACT.neighbours),
    }
    (talked,) = [question.messages for question in asked if question.row == "conversation"]
    assert [message["role"] for message in talked] == ["user", "assistant", "user"]
    (told,) = in_context(asked, [FACT])
    assert [message["role"] for message in told.messages] == ["user", "assistant", "user"]
    assert told.messages[0]["content"] == FACT.sentence
    assert told.messages[2]["content"] == FACT.questions[1]


def test_a_fact_without_a_self_edit_is_still_asked_in_its_untrained_wordings() -> None:
    asked, dropped = about_facts([FACT], [[]], TALK)
    assert dropped == 0
    assert [question.row for question in asked].count("paraphrase") == 2
    assert "same wording" not in [question.row for question in asked]


def test_an_answer_is_graded_by_what_its_row_shows() -> None:
    def good(row: str, said: str, index: int = 0, asked: str = "Who?") -> bool:
        question = Question(row, index, [{"role": "user", "content": asked}], ["otter"])
        return grade(question, said, ["otter", "Tuesday"], probes())

    assert good("paraphrase", "It is an Otter.")
    assert not good("paraphrase", "It is an otterhound.")
    assert good("neighbour", "I don't know that.")
    assert not good("neighbour", "Every Tuesday.")
    assert good("neighbour", "An otter lives there.", asked="Where does the otter live?")
    assert good("untold", "I don't know that. Nobody has told me yet.")
    assert not good("untold", "It is 12.")
    assert good("format", probes()[5].met, index=5)
    assert not good("format", probes()[5].unmet, index=5)


def test_what_must_be_kept_is_counted_only_where_the_base_had_it() -> None:
    base = [answer("general", 0, True), answer("general", 1, False), answer("in context", 0, True)]
    later = [answer("general", 0, False), answer("general", 1, True), answer("neighbour", 0, False)]
    general, bled = (next(row for row in ROWS if row.row == wanted) for wanted in ("general", "neighbour"))
    assert count(later, general, base, {}) == (0, 1)
    assert count(later, bled, base, {}) == (1, 1)
    assert [line.split(":")[0] for line in broken(base, later)] == ["general", "neighbour"]


def test_the_table_has_a_column_for_each_checkpoint_and_no_row_without_questions() -> None:
    base = [answer("paraphrase", 0, False), answer("in context", 0, True)]
    checkpoints = {
        "10": {"version": "v9", "answers": [answer("paraphrase", 0, False), answer("paraphrase", 1, True)]},
        "0": {"version": "v1", "answers": [answer("paraphrase", 0, True), answer("paraphrase", 1, True)]},
    }
    lines = table(base, checkpoints, {"learned": {0}, "listed": {1}, "unlisted": set()})
    assert lines[0] == ["", "base", "in context", "at once", "after 10"]
    assert lines[1][1:] == ["0 % (0/1)", "100 % (1/1)", "100 % (2/2)", "50 % (1/2)"]
    assert lines[2][1:] == ["0 % (0/1)", "100 % (1/1)", "100 % (1/1)", "0 % (0/1)"]
    assert lines[3][0].strip() == "whose relation the editor's table has"
    assert lines[3][1:] == ["–", "–", "100 % (1/1)", "100 % (1/1)"]
    assert len(lines) == 4
    (first, _) = per_fact([("One.", "learned", ""), ("Two.", "memory only", "tried")], checkpoints)
    assert first["recall"] == {"10": [False], "0": [True]}


def test_a_killed_run_goes_on_with_what_it_had(tmp_path: Path) -> None:
    options = {"model": "seedling", "facts": 6}
    first = Progress(tmp_path, options)
    first.turns["0"] = "turn"
    first.questions = [{"row": "general", "index": 0, "messages": [], "accepted": []}]
    first.save()
    again = Progress(tmp_path, options)
    assert again.turns == {"0": "turn"}
    assert again.questions == first.questions
    assert again.starts == 2


def test_a_run_with_other_options_is_refused_by_name(tmp_path: Path) -> None:
    Progress(tmp_path, {"model": "seedling", "facts": 6})
    with pytest.raises(OtherRun, match="a run with facts 6, and now it is 7"):
        Progress(tmp_path, {"model": "seedling", "facts": 7})


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    material = natural(7, 2)
    asked, _ = about_facts(material.facts, [["Which?"], ["Who?"]], material.small_talk)
    asked += about_the_rest(material, probes())
    answers = [answer(question.row, question.index, True) for question in asked]
    checkpoints = {str(n): {"version": "v1", "answers": answers} for n in (0, 25)}
    draw(tmp_path / "deep" / "curve.png", "seedling", 2, answers, checkpoints)
    assert (tmp_path / "deep" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_in_one_home_are_refused(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(OtherRun, match="another run is at work"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
