"""Pairs of statements that differ in one slot, from guardian/data and this folder's sentences."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

HERE = Path(__file__).parent
_A = re.compile(r"\b([Aa])n? (?=(\w))")


@dataclass(frozen=True, slots=True)
class Pair:
    """One premise and a hypothesis that differs from it in one slot."""

    told: str
    claim: str
    conflict: bool
    old: str
    new: str
    category: str
    """The kind, or the list, that the exchanged words come from: what is held out together."""


def lines(path: Path) -> list[str]:
    """The lines of a data file without comments."""
    return [x for x in path.read_text(encoding="utf-8").splitlines() if x and not x.startswith("#")]


def lists(name: str) -> list[str]:
    """The lines of one of the lists that ship with the guardian."""
    return lines(Path(str(resources.files("guardian"))) / "data" / f"{name}.txt")


def pairs(seed: int = 0) -> list[Pair]:
    """All pairs for a seed: conflicts from kinds and opposites, entailments from equal words."""
    rng = random.Random(seed)
    made = [*_from_kinds(rng), *_in_sentences(rng)]
    return list({(p.told, p.claim): p for p in made if p.told != p.claim}.values())


def _from_kinds(rng: random.Random) -> list[Pair]:
    members = _members()
    made = []
    for line in lines(HERE / "carriers.txt"):
        kind, carriers = line.split(": ", 1)
        for carrier in carriers.split(" | "):
            for _ in range(10):
                old, new = rng.sample(members[kind], 2)
                a, b = rng.choice(old.split("=")), rng.choice(new.split("="))
                made.append(_filled(carrier, a, b, True, kind))
            for several in (m.split("=") for m in members[kind] if "=" in m):
                a, b = rng.sample(several, 2)
                made.append(_filled(carrier, a, b, False, kind))
    return made


def _members() -> dict[str, list[str]]:
    """Members by kind; variants of one member joined by '='."""
    return {line.split(": ")[0].split("=")[0]: line.split(": ")[1].split(", ") for line in lists("kinds")}


def _in_sentences(rng: random.Random) -> list[Pair]:
    made = []
    groups = [line.split(", ") for line in lists("synonyms")]
    sides = [[side.split(", ") for side in line.split(" | ")] for line in lists("antonyms")]
    for sentence in lines(HERE / "sentences.txt"):
        for kind, members in _members().items():
            for member in members:
                a, b = member.split("=")[0], rng.choice([m for m in members if m != member]).split("=")[0]
                made += _exchanged(sentence, a, b, True, kind)
        for number, group in enumerate(groups):
            for a in group:
                others = [b for b in group if b != a]
                for b in rng.sample(others, min(2, len(others))):
                    made += _exchanged(sentence, a, b, False, f"equal words {number % 10}")
        for number, (here, there) in enumerate(sides):
            for mine, theirs in ((here, there), (there, here)):
                for a in mine:
                    b = rng.choice(theirs)
                    made += _exchanged(sentence, a, b, True, f"opposites {number % 10}")
    return made


def _exchanged(sentence: str, a: str, b: str, conflict: bool, category: str) -> list[Pair]:
    for ending in ("", "s", "ing", "ed"):
        found = re.search(rf"\b{re.escape(_ended(a, ending))}\b", sentence, re.IGNORECASE)
        if found:
            new = _ended(b, ending)
            claim = sentence[: found.start()] + new + sentence[found.end() :]
            claim = claim[0].upper() + claim[1:]
            return [Pair(sentence, _articles(claim), conflict, found[0], new, category)]
    return []


def _ended(word: str, ending: str) -> str:
    if not ending:
        return word
    first, *rest = word.split()
    if ending == "s":
        first = first + ("es" if first.endswith(("s", "sh", "ch", "x")) else "s")
    else:
        first = first.removesuffix("e") + ending
    return " ".join((first, *rest))


def _filled(carrier: str, a: str, b: str, conflict: bool, category: str) -> Pair:
    told, claim = (_articles(carrier.replace("{}", word)) for word in (a, b))
    return Pair(told, claim, conflict, a, b, category)


def _articles(text: str) -> str:
    return _A.sub(lambda m: m[1] + ("n " if m[2].lower() in "aeio" else " "), text)
