import random

from server.learner.surfaces import telegram, thinned, vary

QUESTION = "What is the admin port of the Zephyr router?"


def test_names_and_numbers_survive_every_surface() -> None:
    for seed in range(300):
        changed = vary("What is the PIN of locker 12 in the Zephyr hall?", random.Random(seed), 1.0).lower()
        assert "zephyr" in changed
        assert "12" in changed


def test_a_telegram_keeps_the_words_that_carry_meaning() -> None:
    words = set(telegram(QUESTION, random.Random(1)).strip("?.").split())
    assert {"admin", "port", "Zephyr", "router"} <= words
    assert "the" not in words


def test_thinning_loses_words_now_and_then_but_never_all() -> None:
    made = {thinned(QUESTION, random.Random(seed)) for seed in range(50)}
    assert len(made) > 10
    assert all(made)


def test_without_a_share_the_question_stays_as_it_is() -> None:
    assert vary(QUESTION, random.Random(0), 0.0) == QUESTION
