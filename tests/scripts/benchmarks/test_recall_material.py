"""What `scripts/bench learning` teaches and asks: enough of it, told once, and nobody else's words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scripts.benchmarks.common import holds, plain
from scripts.benchmarks.recall.formats import FormatProbe, probes
from scripts.benchmarks.recall.material import TOLD, Material, NotEnough, Taught, narrow, natural
from scripts.own_questions import graded
from server.engine.seedling_forms import FORMS
from server.engine.seedling_language import Fact
from server.learner import primer
from server.learner.general import KEYS
from server.learner.sealed import sealed
from server.learner.words import PERSON_QUESTIONS, THING_QUESTIONS


@pytest.fixture(scope="module")
def material() -> Material:
    return natural(seed=7, facts=300)


def wordings(fact: Taught) -> list[str]:
    return [*fact.questions, *fact.neighbours, *([fact.reversed[0]] if fact.reversed else [])]


def test_three_hundred_facts_of_over_thirty_kinds_are_told_once(material: Material) -> None:
    assert len({fact.sentence for fact in material.facts}) == 300
    assert len({fact.kind for fact in material.facts}) >= 30
    assert len({fact.kind for fact in material.facts[:30]}) == 30
    values = [(fact.kind, fact.accepted) for fact in material.facts]
    assert len(set(values)) == 300


def test_the_seed_decides_what_is_drawn(material: Material) -> None:
    assert natural(7, 12).facts == natural(7, 12).facts != natural(8, 12).facts
    assert narrow(7, 12) == narrow(7, 12)


def test_no_question_gives_its_answer_away_and_the_sentence_tells_it(material: Material) -> None:
    for fact in material.facts:
        assert len({plain(question) for question in fact.questions}) == 4
        assert len(fact.neighbours) == 4
        assert holds(fact.sentence, fact.accepted), fact
        for question in (*fact.questions, *fact.neighbours):
            assert not holds(question, fact.accepted), question
        assert fact.reversed is not None
        assert holds(fact.sentence, fact.reversed[1])
        assert not holds(fact.reversed[0], fact.reversed[1])


def test_neighbours_are_about_nothing_that_was_taught(material: Material) -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"\b[A-Z]\w+", text[1:]))

    own = {name for fact in material.facts for name in names(" " + (fact.reversed or ("", ("",)))[1][0])}
    for fact in material.facts:
        for question in fact.neighbours[2:]:
            person = fact.kind in ("home town", "instrument")
            assert person or not names(question) & own, question


def test_nothing_is_taken_from_the_other_benchmark(material: Material) -> None:
    raw = json.loads(TOLD.read_text())
    theirs = {bare(text) for fact in raw["facts"] for text in (fact["told"], *fact["questions"])}
    theirs |= {bare(text) for fact in raw["facts"] for text in fact["neighbours"]}
    for fact in material.facts:
        for text in (fact.sentence, *wordings(fact)):
            assert bare(text) not in theirs, text


def bare(text: str) -> str:
    """A sentence without names, numbers and what they name: two that differ in these are one."""
    return plain(re.sub(r"\b(?:[A-Z]\w+|\d[\d:,.]*)\b", "", text[0].lower() + text[1:]))


def test_nothing_is_taken_from_the_learners_tables(material: Material) -> None:
    tables = {plain(form.format("")) for form, _ in (*THING_QUESTIONS, *PERSON_QUESTIONS)}
    for fact in material.facts:
        subject = (fact.reversed or ("", ("",)))[1][0]
        for question in (*fact.questions, *fact.neighbours):
            shape = plain(re.sub(rf"(?:the )?{re.escape(subject)}(?: [a-z-]+)*(?=[?.])", "", question))
            assert shape not in tables, question


def test_no_question_is_one_that_the_seedling_was_trained_on(material: Material) -> None:
    for fact in material.facts[:33]:
        subject = re.search(r"the [A-Z]\w+(?: [a-z-]+){1,3}(?=\?)", fact.questions[0])
        if subject is None:
            continue
        said = {plain(question) for form in FORMS for question in Fact(form, subject.group(), "x").questions}
        assert not said & {plain(question) for question in fact.questions[1:]}


def test_general_questions_are_outside_what_the_learner_holds(material: Material) -> None:
    assert len(material.general) >= 90
    held = {plain(question) for question in KEYS}
    assert [question for question, _ in material.general if plain(question) in held] == []
    assert all(keys for _, keys in material.general)
    assert len(set(material.untold)) >= 40
    narrowed = narrow(7, 4)
    assert not {plain(q) for q, _ in narrowed.general} & held


def test_the_seedlings_facts_have_distinct_subjects_and_four_neighbours() -> None:
    facts = narrow(7, 150).facts
    assert len({fact.sentence for fact in facts}) == 150
    assert all(len(fact.neighbours) >= 4 and len(fact.questions) > 8 for fact in facts)


def test_more_facts_than_there_are_names_are_refused() -> None:
    with pytest.raises(NotEnough, match=r"kinds\.json"):
        natural(7, 1000)


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.request[:48])
def test_a_check_of_form_accepts_what_meets_it_and_refuses_what_does_not(probe: FormatProbe) -> None:
    assert probe.holds(probe.met)
    assert not probe.holds(probe.unmet)
    assert not probe.holds("")
    assert not probe.holds(" \n")


def test_there_are_over_sixty_requests_about_form_none_of_them_twice() -> None:
    assert len({probe.request for probe in probes()}) == len(probes()) >= 60


def test_a_seed_whose_facts_leave_a_subject_no_neighbour_is_refused() -> None:
    with pytest.raises(NotEnough, match="every neighbour of"):
        narrow(seed=11, facts=150)


@pytest.mark.parametrize("file", sorted(primer.FOLDER.glob("*.json")), ids=lambda file: str(file.stem))
def test_questions_that_a_model_made_up_are_none_of_those_that_grade_or_are_sealed(file: Path) -> None:
    kept = json.loads(file.read_text())
    asked = [*kept["answers"], *kept["private"], *kept.get("requests", ())]
    assert len(asked) > 500
    assert not {plain(question) for question in asked} & graded()
    assert not any(map(sealed, asked))
