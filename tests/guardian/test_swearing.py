from __future__ import annotations

import numpy as np
from profanity_check import predict_prob

from guardian.swearing import Swearing


def test_the_scores_are_those_of_the_library() -> None:
    texts = ["you fucking idiot", "the library opens at nine", "what a damn mess", "goats"]
    assert np.allclose(Swearing()._predict(texts), predict_prob(texts))


def test_a_text_without_an_abusive_word_counts_half() -> None:
    (sworn, plain) = Swearing()(["fuck this", "the goats are in the yard"])
    assert sworn[1]
    assert not plain[1]
    assert plain[0] < 0.5 < sworn[0]


def test_no_text_and_no_words_are_no_error() -> None:
    assert Swearing()([]) == []
    assert Swearing()([""])[0][1] is False
