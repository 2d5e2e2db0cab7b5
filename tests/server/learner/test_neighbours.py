import random
import re

from server.learner.neighbours import (
    firsthand_stems,
    is_person,
    names_in,
    never_told,
    other_attribute,
    other_subject,
    subject_of,
    unanswered,
    words_taught,
)
from server.learner.words import PERSON_QUESTIONS, THING_QUESTIONS
from server.types import Example, SelfEdit


def edit_of(statement: str, value: str, subject: str, *questions: str) -> SelfEdit:
    examples = tuple(Example("question", q, statement) for q in questions)
    return SelfEdit("id", "turn", "user", statement, (0, len(statement)), value, subject, examples)


ROUTER = edit_of(
    "The admin port of the Zephyr router is 8443.",
    "8443",
    "the Zephyr router",
    "What is the admin port of the Zephyr router?",
    "Zephyr router admin port?",
)
REFUND = edit_of(
    "Our refund window is 45 days.", "45 days", "Our refund window", "How long is our refund window?"
)
PERSON = edit_of("Harlan Creed plays the violin.", "violin", "Harlan Creed", "What does Harlan Creed play?")
TALLINN = edit_of(
    "Mirelda Voss runs the Tallinn office.", "Mirelda Voss", "Mirelda Voss", "Who runs the Tallinn office?"
)


def drawn(edit: SelfEdit, question: str) -> set[str]:
    taught = words_taught([edit])
    made = (other_subject(question, edit, taught, random.Random(seed)) for seed in range(40))
    return {q for q in made if q is not None}


def test_a_neighbour_keeps_the_wording_and_changes_only_the_named_thing() -> None:
    for question in drawn(ROUTER, "What is the admin port of the Zephyr router?"):
        assert question.startswith("What is the admin port of the ")
        assert len(question.split()) == 9
        assert "Zephyr" not in question


def test_a_persons_name_is_replaced_in_whole_or_in_part_but_never_kept() -> None:
    questions = drawn(PERSON, "What does Harlan Creed play?")
    assert "What does Harlan Creed play?" not in questions
    assert any("Creed" not in q and "Harlan" not in q for q in questions)
    assert any(("Creed" in q) != ("Harlan" in q) for q in questions)


def test_a_fact_without_a_name_gets_another_thing_or_another_owner() -> None:
    questions = drawn(REFUND, "How long is our refund window?")
    assert len(questions) > 10
    assert all(("refund window" in q) != q.lower().startswith("how long is our") for q in questions)


def test_no_replacement_is_a_word_of_a_taught_fact() -> None:
    taught = words_taught([ROUTER, edit_of("Madrid is big.", "big", "Madrid", "How big is Madrid?")])
    for seed in range(200):
        question = other_subject("Zephyr router admin port?", ROUTER, taught, random.Random(seed))
        assert question is not None
        assert "Madrid" not in question


def test_a_question_in_which_nothing_can_be_replaced_gives_none() -> None:
    assert (
        other_subject("For how long do we give refunds?", REFUND, words_taught([REFUND]), random.Random(0))
        is None
    )


def test_another_attribute_never_asks_for_what_the_fact_tells() -> None:
    lamp = edit_of(
        "The Lumo lamp costs 39 euros.", "39 euros", "the Lumo lamp", "What does the Lumo lamp cost?"
    )
    asked = {other_attribute(lamp, random.Random(seed)) for seed in range(200)}
    assert all(q is not None and "Lumo" in q and "cost" not in q and "price" not in q for q in asked)
    assert len(asked) > 8


def test_a_person_is_asked_about_as_a_person() -> None:
    asked = {other_attribute(PERSON, random.Random(seed)) for seed in range(100)}
    assert "Where was Harlan Creed born?" in asked
    assert not any(q is not None and "serial number" in q for q in asked)


def test_names_are_capitals_that_a_common_word_would_not_have() -> None:
    assert names_in("What is the admin port of the Zephyr router?", ROUTER) == ["Zephyr"]
    assert names_in("How long is our refund window?", REFUND) == []


def test_a_subject_that_is_the_answer_is_replaced_by_the_named_thing_of_the_question() -> None:
    assert subject_of(TALLINN) == "the Tallinn office"


def test_persons_are_told_from_things() -> None:
    assert is_person("Harlan Creed")
    assert is_person("Dr. Anselm Pryce")
    assert not is_person("the Zephyr router")
    assert not is_person("Project Quillon")


def test_what_no_fact_is_near_is_asked_of_strangers_and_of_oneself() -> None:
    asked = {never_told(random.Random(seed), frozenset(), trained=True) for seed in range(300)}
    assert "When is my birthday?" in asked or "What is my favourite food?" in asked
    assert any(question.startswith("What colour is my ") for question in asked)
    assert not any("{" in question or " of I" in question for question in asked)


def test_questions_of_oneself_that_are_trained_are_never_asked_by_the_gate() -> None:
    def of_oneself(trained: bool) -> set[str]:
        asked = (never_told(random.Random(seed), frozenset(), trained) for seed in range(600))
        return {q for q in asked if not re.search(r" [A-Z][a-z]", q)}

    trained, examined = of_oneself(True), of_oneself(False)
    assert len(trained) > 20
    assert len(examined) > 20
    assert not trained & examined


def test_nothing_is_denied_that_somebody_told_of_themselves() -> None:
    dog = edit_of("My dog is called Rex.", "Rex", "My dog", "What is the name of my dog?")
    firsthand = firsthand_stems([dog, ROUTER])
    assert "dog" in firsthand
    assert "port" not in firsthand
    asked = {never_told(random.Random(seed), firsthand, trained=True) for seed in range(300)}
    assert not any("my dog" in question or "our dog" in question for question in asked)


def test_strangers_are_asked_about_however_much_people_told_of_themselves() -> None:
    told = [form.replace("{}", "my life") for form, _ in (*PERSON_QUESTIONS, *THING_QUESTIONS)]
    firsthand = firsthand_stems([edit_of("We told it all.", "all", "We", *told)])
    asked = {never_told(random.Random(seed), firsthand, trained=True) for seed in range(50)}
    assert len(asked) > 40
    assert not any(re.search(r"\b(I|my|our)\b", question) for question in asked)


def test_of_questions_made_up_by_the_model_those_that_a_fact_may_answer_are_left_out() -> None:
    asked = [
        "Which admin port has the Zephyr router?",
        "How old is the Zephyr router?",
        "What is the admin port of the Brast router?",
        "Do you know our refund window?",
        "When does our refund arrive?",
        "What is our dress code?",
    ]
    assert unanswered(asked, [ROUTER, REFUND]) == [asked[1], asked[2], asked[5]]
    assert unanswered(asked, []) == asked


def test_a_subject_is_taken_with_the_rest_of_its_name_and_with_what_it_is_the_place_of() -> None:
    ferry = edit_of(
        "The ferry to Kelso leaves at ten.", "ten", "Kelso", "When does the ferry to Kelso leave?"
    )
    person = edit_of("Petra Lund plays chess.", "chess", "Petra", "What does Petra Lund play?")
    assert subject_of(ferry) == "The ferry to Kelso"
    assert subject_of(person) == "Petra Lund"


def test_a_name_is_taken_with_the_words_for_what_it_names() -> None:
    tent = edit_of(
        "The Kelso circus tent holds 90.", "90", "the Kelso", "How many does the Kelso circus tent hold?"
    )
    hotel = edit_of("The Kelso mainly serves tea.", "tea", "the Kelso", "What does the Kelso mainly serve?")
    assert subject_of(tent) == "the Kelso circus tent"
    assert subject_of(hotel) == "the Kelso"


def test_a_subject_that_the_questions_shorten_stays_as_short() -> None:
    called = edit_of("Petra Lund plays chess.", "chess", "Petra", "What does Petra play?")
    lake = edit_of("The colour of Lake Orla is red.", "red", "Lake Orla", "What colour has Lake Orla?")
    assert subject_of(called) == "Petra"
    assert subject_of(lake) == "Lake Orla"
