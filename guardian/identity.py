"""Which words of a statement say what it is about, rather than what it says of it. Positions, not grammar."""

# ruff: noqa: SIM905 (lists of words are read as running text)

from __future__ import annotations

from collections.abc import Sequence

from guardian.lexicon import lexicon
from guardian.vetoes import is_name
from guardian.words import Word

_VERBS = frozenset(
    """is are was were be has have had does do did can could will would may might must should shall""".split()
)
_PREPOSITIONS = frozenset({"of", "at", "in", "for"})
_PRONOUNS = frozenset("i you he she it we they who".split())
_VAGUE = frozenset("a an some someone somebody people there".split())
_ROLES = frozenset(
    """leads lead led runs run heads head owns own owned founded invented directs manages chairs
    wrote built won designed discovered created became""".split()
)


def identifies(text: Sequence[Word], slot: list[int]) -> bool:
    """Whether a name or a label in the subject of a definite statement says which thing is meant.

    'The library in Arden opens at 9': Arden does, 9 does not. 'Ann is the mayor': nobody but one can be, so
    Ann is what is said. A statement that begins with 'a', 'some' or an amount describes a scene and
    identifies nothing. Not covered: verbs that end in neither -s nor -ed, and subjects with a clause of their
    own.
    """
    if not slot or not all(text[i].number or named(text, i) for i in slot):
        return False
    after = text[slot[-1] + 1] if slot[-1] + 1 < len(text) else None
    if after and after.content and not after.capital and all(lexicon().knows(text[i].text) for i in slot):
        return False  # 'the Danish team': it says of what kind
    opening = text[0].text.lower()
    if opening in _VAGUE or (text[0].number and 0 not in slot):
        return False
    verb = _verb(text)
    if slot[-1] >= verb:
        return False
    if all(w.capital for w in text[: slot[0]]):
        return not text[0].number and not _exclusive(text, verb)
    before = text[slot[0] - 1]
    if text[slot[0]].number:
        return before.content and not before.number
    return True


def named(text: Sequence[Word], i: int) -> bool:
    """Whether a word is a name; also a common word that is a whole subject ('Bob runs …')."""
    if is_name(text[i]):
        return True
    if not (text[i].opens and text[i].capital and text[i].content) or i + 1 >= len(text):
        return False
    after = text[i + 1]
    if after.capital and not after.opens:
        return True
    singular = not text[i].text.endswith("s") and not lexicon().knows(text[i].text)
    return singular and (after.text.lower() in _ROLES or after.text.endswith("s"))


def _exclusive(text: Sequence[Word], verb: int) -> bool:
    """Whether what follows the subject can be said of one thing only: 'is mayor of', 'leads'."""
    if verb >= len(text):
        return True
    said, rest = text[verb].text.lower(), [w.text.lower() for w in text[verb + 1 :]]
    if said in _VERBS:  # 'is (the) mayor of', not 'is tall' nor 'is a member of'
        return bool(rest) and rest[0] not in ("a", "an") and bool(_PREPOSITIONS.intersection(rest[1:]))
    return said in _ROLES


def _verb(text: Sequence[Word]) -> int:
    """Where the first verb stands, as far as endings tell; the length of the text when none is found."""
    for i, word in enumerate(text):
        plain = word.text.lower()
        if plain in _VERBS or (i and plain in _ROLES):
            return i
        if i == 0 or word.capital or word.number or not word.content:
            continue
        if not text[i - 1].content and text[i - 1].text.lower() not in _PRONOUNS:
            continue
        noun = lexicon().knows(plain) and not text[i - 1].capital
        if plain.endswith(("s", "ed")) and not plain.endswith(("ss", "us")) and not noun:
            return i
    return len(text)
