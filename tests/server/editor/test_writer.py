"""Self-edits written by a scripted model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.editor.scaffold import OPENERS
from server.editor.value import is_about
from server.editor.words import contains
from server.editor.writer import edit_id, write, write_report
from server.engine.fake import FakeEngine
from server.engine.fake_script import loop_script
from server.engine.types import ContextLengthExceeded, EngineDead, EngineError, GenerationRequest
from server.types import Turn
from tests.support.editor import PORT, good_writer

Told = Callable[..., Turn]


async def test_a_fact_becomes_questions_a_statement_and_a_rewrite(engine: FakeEngine, told: Told) -> None:
    (edit,) = await write(engine, told(PORT), "v0")
    questions = [example for example in edit.examples if example.kind == "question"]
    trained = [example for example in questions if not example.held_out]
    assert (edit.value, edit.subject, edit.statement) == ("8443", "the Zephyr router", PORT)
    assert len(trained) >= 5
    assert 2 <= len(questions) - len(trained) <= 3
    assert [e.completion for e in edit.examples if e.kind in ("statement", "rewrite")] == [
        PORT,
        "8443 is the admin port of the Zephyr router.",
    ]
    assert len({example.prompt.lower() for example in questions}) == len(questions)
    for example in questions:
        assert contains(example.completion, edit.value)
        assert not contains(example.prompt, edit.value)


async def test_every_question_names_the_subject_literally(engine: FakeEngine, told: Told) -> None:
    edits = await write(engine, told(PORT + " The monthly fee of the Borealis plan is 29 euros."), "v0")
    assert len(edits) == 2
    for edit in edits:
        assert edit.subject
        for example in edit.examples:
            if example.kind == "question":
                assert edit.subject.lower() in example.prompt.lower()
                assert is_about(example.prompt, edit.subject)


async def test_the_statement_is_an_exact_span_behind_its_lead_in(engine: FakeEngine, told: Told) -> None:
    turn = told("Hi! Actually, the admin port of the Zephyr router is 9000, ok?")
    (edit,) = await write(engine, turn, "v0")
    assert turn.prompt[edit.span[0] : edit.span[1]] == edit.statement
    assert edit.statement == "the admin port of the Zephyr router is 9000"
    assert edit.examples[0].completion == "The admin port of the Zephyr router is 9000."
    assert edit.id == edit_id(turn.id, edit.statement)


async def test_writing_a_turn_twice_gives_the_same_edits_from_the_same_requests(told: Told) -> None:
    written = []
    for _ in range(2):
        engine = FakeEngine(good_writer)
        await engine.start()
        edits = await write(engine, told(PORT), "v0")
        written.append((edits, sorted((r.id, r.prefill, r.sampling.seed) for r in engine.requests)))
    assert written[0] == written[1]


async def test_all_writing_is_background_work_with_few_tokens_on_the_asked_version(
    engine: FakeEngine, told: Told
) -> None:
    await write(engine, told(PORT), "v0")
    assert engine.requests
    for request in engine.requests:
        assert request.background
        assert request.version == "v0"
        assert request.sampling.max_tokens <= 40
        assert "\n" in request.sampling.stop
    assert {""} | set(OPENERS[:6]) <= {request.prefill for request in engine.requests}
    assert len(engine.requests) <= 60


async def test_the_assistants_words_never_originate_a_fact(engine: FakeEngine, told: Told) -> None:
    turn = told("What is the admin port?", answer="The admin port of the Zephyr router is 9000.")
    report = await write_report(engine, turn, "v0")
    assert report.edits == ()
    assert [skip.reason for skip in report.skipped] == ["a question"]
    assert engine.requests == []


async def test_what_was_dropped_is_reported_with_its_reason(engine: FakeEngine, told: Told) -> None:
    report = await write_report(engine, told(PORT), "v0")
    dropped = {piece.text: piece.reason for piece in report.facts[0].pieces if piece.reason}
    assert dropped["Who is the admin port of the Zephyr router?"] == "does not ask for a thing"
    assert dropped["Where is it?"] == "too short"


async def test_questions_that_the_model_cannot_answer_from_the_sentence_are_dropped(told: Told) -> None:
    def wrong(request: GenerationRequest) -> str:
        if request.messages[0].content.startswith("Answer"):
            return "The Zephyr router has 8 ports."
        return good_writer(request)

    engine = FakeEngine(wrong)
    await engine.start()
    report = await write_report(engine, told(PORT), "v0")
    pieces = report.facts[0].pieces
    assert not any(p.origin == "model" and p.task == "question" and not p.reason for p in pieces)
    assert any(p.task == "answer" and p.reason == "the answer does not hold the value" for p in pieces)


async def test_too_few_questions_are_filled_up_by_rule_and_marked(told: Told) -> None:
    engine = FakeEngine(loop_script)  # knows two wordings
    await engine.start()
    report = await write_report(engine, told(PORT), "v0")
    kept = [p for p in report.facts[0].pieces if p.task == "question" and not p.reason]
    origins = [piece.origin for piece in kept]
    assert origins == sorted(origins, reverse=True), "the model's own come first"
    assert set(origins) == {"model", "derived"}
    (edit,) = report.edits
    questions = [example for example in edit.examples if example.kind == "question"]
    assert (sum(not e.held_out for e in questions), sum(e.held_out for e in questions)) == (9, 3)


async def test_where_too_few_questions_pass_every_opening_is_sampled_once_more(told: Told) -> None:
    sampled = {
        "What": "What does the Orla valve feed?",
        "Which": "Which tank does the Orla valve feed?",
        "Tell me what": "Tell me what the Orla valve feeds.",
        "Can you tell me what": "Can you tell me what the Orla valve feeds?",
        "I would like to know what": "I would like to know what the Orla valve feeds.",
    }

    def writer(request: GenerationRequest) -> str:
        if request.messages[0].content.startswith("Answer"):
            return "The Orla valve feeds the Brant tank."
        greedy = request.sampling.temperature == 0
        return "Why?" if greedy else sampled.get(request.prefill, f"{request.prefill} is it?")

    engine = FakeEngine(writer)
    await engine.start()
    report = await write_report(engine, told("The Orla valve feeds the Brant tank."), "v0")
    (edit,) = report.edits
    prompts = {example.prompt for example in edit.examples if example.kind == "question"}
    assert prompts >= {sampled["Tell me what"], sampled["I would like to know what"]}
    pieces = report.facts[0].pieces
    assert len(pieces) == len(set(pieces)), "what both rounds dropped is told once"


async def test_a_model_that_writes_nothing_usable_teaches_nothing_about_a_vague_sentence(told: Told) -> None:
    engine = FakeEngine(lambda request: "bla")
    await engine.start()
    report = await write_report(engine, told("We really went there quickly."), "v0")
    assert report.edits == ()
    assert report.facts[0].reason


async def test_a_fact_about_oneself_keeps_its_first_person(told: Told) -> None:
    def writer(request: GenerationRequest) -> str:
        if request.messages[0].content.startswith("Answer"):
            return "Your dog is called Rex."
        asked = {"What": "What is your dog called?", "What is": "What is the dog's name?"}
        return asked.get(request.prefill, "")

    engine = FakeEngine(writer)
    await engine.start()
    (edit,) = await write(engine, told("My dog is called Rex."), "v0")
    assert (edit.value, edit.subject) == ("Rex", "my dog")
    for example in edit.examples:
        if example.kind == "question":
            assert "my dog" in example.prompt
        assert "My dog" in example.completion


async def test_a_sentence_too_long_for_the_model_is_a_fact_without_an_edit(told: Told) -> None:
    engine = FakeEngine(good_writer, max_model_len=20)
    await engine.start()
    report = await write_report(engine, told("We went there quickly."), "v0")
    assert report.edits == ()


@pytest.mark.parametrize("error", [EngineDead("gone"), EngineError("trouble")])
async def test_an_engine_that_fails_fails_the_writing(
    engine: FakeEngine, told: Told, error: EngineError
) -> None:
    assert not isinstance(error, ContextLengthExceeded)
    engine.fail_next(error)
    with pytest.raises(type(error)):
        await write(engine, told(PORT), "v0")
