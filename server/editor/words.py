"""Words of a sentence: tokens with their places, stems, and which of them carry meaning.

Deliberately small: regular English endings only. Another language is compared word by word, unstemmed in
effect, so fewer of its pieces pass the self-checks; none passes that should not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.editor.vocabulary import COMMON_FIRST, FIRST_PERSON, FUNCTION_WORDS, NEGATIONS, NUMBER_WORDS

_TOKEN = re.compile(r"[$€£¥]?\w+(?:(?:['’.,:/@_&-]|://)\w+)*(?:%|\+\+|#|°)?")
_POSSESSIVE = re.compile(r"['’]s$|['’]$")
_PAST_EED = ("agreed", "freed", "decreed", "guaranteed", "refereed")


@dataclass(frozen=True, slots=True)
class Token:
    """A word where it stands in its text, in characters."""

    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """Lower case, without a possessive ending: how words are compared."""
        return _POSSESSIVE.sub("", self.text.lower().replace("’", "'"))

    @property
    def is_number(self) -> bool:
        """Whether it has a digit: numbers, versions, identifiers, times."""
        return any(c.isdigit() for c in self.text) or self.text.lower() in NUMBER_WORDS

    @property
    def is_content(self) -> bool:
        """Whether it carries meaning of its own; 'May' with a capital is the month."""
        text = self.text.lower().replace("’", "'")
        return self.text == "May" or (text not in FUNCTION_WORDS and self.key not in FUNCTION_WORDS)


def tokens(text: str) -> list[Token]:
    """The words of a text in order."""
    return [Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def stem(word: str) -> str:
    """A word without its regular English ending ('opens', 'opened' → 'open'); numbers stay as they are."""
    key = _POSSESSIVE.sub("", word.lower().replace("’", "'"))
    if any(c.isdigit() for c in key) or len(key) <= 3:
        return key
    if key.endswith("ies") and len(key) > 4:
        return key[:-3] + "y"
    if key.endswith("eed") and not key.endswith(_PAST_EED):
        return key  # 'feed', 'speed': no ending
    if key.endswith("ed") and len(key) == 4:
        return key[:-1]
    for ending in ("ations", "ation", "ions", "ion", "ings", "ing", "ed", "es", "s", "e"):
        if key.endswith(ending) and len(key) - len(ending) >= 3 and not key.endswith("ss"):
            key = key[: -len(ending)]
            break
    if len(key) > 4 and key[-1] == key[-2] and key[-1] not in "aeiouls":
        key = key[:-1]
    return key.removesuffix("e") if len(key) > 3 else key


def content_stems(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    return {stem(t.text) for t in tokens(text) if t.is_content}


def all_stems(text: str) -> set[str]:
    """Stems of all words."""
    return {stem(t.text) for t in tokens(text)}


def normal(text: str) -> str:
    """Words only, lower case, one space between: two texts that say it in the same words are equal."""
    return " ".join(t.text.lower().replace("’", "'") for t in tokens(text))


def contains(text: str, words: str) -> bool:
    """Whether `words` stand in `text` as whole words in a row, whatever case or possessive ending."""
    return bool(words) and f" {_keys(words)} " in f" {_keys(text)} "


def _keys(text: str) -> str:
    return " ".join(t.key for t in tokens(text))


def is_name(token: Token, first: bool) -> bool:
    """Whether a word looks like a proper name; a sentence's first word only if it is no common one."""
    if not token.text[:1].isupper():
        return False
    return token.is_content and (not first or token.text.lower() not in COMMON_FIRST)


def names(text: str) -> set[str]:
    """Keys of the proper names in a sentence."""
    return {t.key for i, t in enumerate(tokens(text)) if is_name(t, i == 0)}


def numbers(text: str) -> set[str]:
    """Keys of the words with digits."""
    return {t.key for t in tokens(text) if t.is_number}


def has_negation(text: str) -> bool:
    """Whether the sentence denies something."""
    return any(t.text.lower().replace("’", "'") in NEGATIONS for t in tokens(text))


def is_first_person(text: str) -> bool:
    """Whether the speaker speaks of himself (I, my): a fact about one user. 'We' and 'our' are a team's."""
    return any(t.text.lower().replace("’", "'") in FIRST_PERSON for t in tokens(text))


def as_sentence(statement: str) -> str:
    """A statement as a line of text: capital letter first, full stop last."""
    text = " ".join(statement.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def uncapitalised(text: str) -> str:
    """A text that began a sentence, as it stands within one."""
    first = tokens(text)[:1]
    if not first or is_name(first[0], first=True) or text.startswith(("I ", "I'")):
        return text
    return text[:1].lower() + text[1:]
