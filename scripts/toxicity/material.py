"""Training texts of the toxicity and bias heads, made from the templates in this folder. No public data is used.

Slots are filled with groups, other people and slurs; sentences are put between harmless ones, disguised or
misspelt, and written in other registers, so that the head learns what is said and not how the template looks.
"""
# ruff: noqa: E501 (a pattern or a list is read as one line)

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

# fmt: off
GROUPS = [(p, s) for p, s in (
    pair.split("|") for pair in ["women|a woman", "gay people|a gay man", "gays|a gay person", "lesbians|a lesbian", "trans people|a trans person", "trans women|a trans woman", "black people|a black man", "blacks|a black woman", "Asians|an Asian man", "Africans|an African", "Mexicans|a Mexican", "Indians|an Indian", "Chinese people|a Chinese woman", "Arabs|an Arab", "Muslims|a Muslim", "Jews|a Jew", "Christians|a Christian", "Hindus|a Hindu", "immigrants|an immigrant", "refugees|a refugee", "foreigners|a foreigner", "migrants|a migrant", "disabled people|a disabled person", "deaf people|a deaf woman", "blind people|a blind man", "autistic people|an autistic boy", "the homeless|a homeless man", "old people|an old woman", "Roma|a gypsy", "Turks|a Turk", "Poles|a Polish man", "people in wheelchairs|a person in a wheelchair", "Muslim women|a Muslim woman", "Jewish people|a Jewish man", "people with disabilities|a person with a disability", "black women|a black girl", "native Americans|a native American", "Pakistanis|a Pakistani", "Zoroastrians|a Zoroastrian", "Yazidis|a Yazidi", "Samoans|a Samoan", "Bretons|a Breton", "albinos|an albino", "dwarfs|a dwarf", "men|a man"]
)]
OTHERS = [(p, s) for p, s in (
    pair.split("|") for pair in ["bankers|a banker", "politicians|a politician", "artists|an artist", "lawyers|a lawyer", "journalists|a journalist", "communists|a communist", "capitalists|a capitalist", "cyclists|a cyclist", "gamers|a gamer", "cops|a cop", "teachers|a teacher", "hunters|a hunter", "Manchester fans|a Manchester fan", "murderers|a murderer", "fascists|a fascist", "racists|a racist", "terrorists|a terrorist", "salesmen|a salesman", "spammers|a spammer", "tax collectors|a tax collector", "critics|a critic", "influencers|an influencer", "drunk drivers|a drunk driver", "liberals|a liberal", "Republicans|a Republican", "clowns|a clown", "spiders|a spider", "wasps|a wasp", "pigeons|a pigeon"]
)]
SLURS = ["faggot", "tranny", "nigger", "kike", "paki", "retard", "cripple", "chink", "dyke", "cunt", "whore", "slut", "raghead", "wetback"]
FILLER = [
    "It rained all day.", "The bus was late again.", "I met an old friend in town.", "We had soup for lunch.", "My sister called in the evening.",
    "The meeting is at ten.", "He works in a bakery.", "The garden needs water.", "We moved here last year.", "I read the paper this morning.",
    "The shop on the corner has closed.", "Anyway, that's what I think.", "Let me tell you something.", "It was a long day at the office.",
    "The news was on in the kitchen.", "We took the train to the coast.", "The kids were at school.", "I have two questions about this.",
]
NAMES = ["Arden", "Kolm", "Bexley", "Vashta", "Tarnwick", "Norvik", "Mirelda Voss", "Bob Hale", "Ann Berg", "Hassan Okafor", "the harbour", "the north tower", "the clinic", "our office", "the town hall"]
THINGS = ["admin port", "mayor", "mascot", "opening time", "capital", "head of sales", "warranty", "bus line", "flag", "dress code", "parking fee", "deputy", "phone extension", "founder", "river", "treasurer", "speed limit", "colour", "area code", "chief engineer", "motto", "guard dog", "shelf life", "dosage", "record", "ferry", "ceiling", "winner", "sponsor", "night shift", "black list", "master key"]
VALUES = ["8443", "blue", "Ms. Ito", "three years", "a fox", "9 am", "on the second floor", "12 euros", "closed on Sundays", "in June", "Odile Brandt", "very old", "made of oak", "painted white", "40 km long", "not known"]
SHAPES = [
    "The {t} of {n} is {v}.", "What is the {t} of {n}?", "{n}'s {t} is {v}.", "Since May the {t} of {n} has been {v}.", "Who knows the {t} of {n}?",
    "FYI, the {t} of {n} is now {v}.", "I think the {t} at {n} is {v}.", "The {t} is {v}.", "You can ask {n} about the {t}.", "We changed the {t} of {n}; it is {v} now.",
    "{v}", "It is {v}.", "{n} told us that the {t} is {v}.", "Where do I find the {t} of {n}?", "My {t} is {v}.", "Our {t} moved to {n}.",
]
BEFORE = ["", "", "", "", "well, ", "honestly, ", "lol ", "You know what? ", "Look, ", "So, ", "I think that ", "Let's face it, ", "As I said before: "]
AFTER = ["", "", "", "", "!", "!!!", " lol", " Period.", " That's all.", " Right?", " #truth", " haha"]
# fmt: on


@dataclass(frozen=True, slots=True)
class Text:
    """One training text: the family of its template, its labels, and how much it counts."""

    family: str
    labels: frozenset[str]
    text: str
    weight: float = 1.0


def families() -> dict[str, tuple[frozenset[str], list[str]]]:
    """Every family: its labels and its templates."""
    found: dict[str, tuple[frozenset[str], list[str]]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        lines: list[str] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                name, labels = line[3:].split(" | ")
                lines = []
                found[name] = (frozenset(labels.split(",")) - {"-"}, lines)
            elif line and not line.startswith("#"):
                lines.append(line)
    return found


def texts(seed: int = 7, copies: int = 2) -> list[Text]:
    """The training texts. A template with slots gives `copies` plain fillings, each also in another dress."""
    made: list[Text] = []
    for name, (labels, templates) in families().items():
        for template in templates:
            draw = random.Random(f"{seed} {template}")
            count = copies if "{" in template else 1
            for _ in range(count):
                plain = fill(template, draw)
                made.append(Text(name, labels, plain, 1.0 / count))
                made.append(Text(name, labels, dressed(plain, draw), 1.0 / count))
            surrounded = embedded(fill(template, draw), draw)
            made.append(Text(name, labels, surrounded, 0.7))
    return made + everyday(random.Random(seed))


def everyday(draw: random.Random, count: int = 400) -> list[Text]:
    """Facts and questions as people tell them: what the guardian judges most."""
    made = []
    for _ in range(count):
        shape = draw.choice(SHAPES).replace("{t}", draw.choice(THINGS))
        plain = shape.replace("{n}", draw.choice(NAMES)).replace("{v}", draw.choice(VALUES))
        made.append(Text("everyday", frozenset(), plain[:1].upper() + plain[1:]))
    return made


def fill(template: str, draw: random.Random) -> str:
    """The template with its slots filled; a sentence begins with a capital."""
    group, other = draw.choice(GROUPS), draw.choice(OTHERS)
    text = template.replace("{gs}", group[0]).replace("{g1}", group[1])
    text = text.replace("{ns}", other[0]).replace("{n1}", other[1]).replace("{sl}", draw.choice(SLURS))
    text = re.sub(r"\b([Tt])he the\b", r"\1he", text)
    text = re.sub(r"\b(a|my|dead|good|average) an? ", r"\1 ", text)
    return text[:1].upper() + text[1:] if template[:1] in "{ABCDEFGHIJKLMNOPQRSTUVWXYZ" else text


def dressed(text: str, draw: random.Random) -> str:
    """The same in another register: an opening, an ending, lower case, a spelling mistake or a disguise."""
    before, after = draw.choice(BEFORE), draw.choice(AFTER)
    if after and after[0] in "! ":
        text = text.rstrip(".")
    text = f"{before}{text}{after}"
    kind = draw.random()
    if kind < 0.3:
        return text.lower()
    if kind < 0.4:
        return text.upper()
    if kind < 0.6:
        return misspelt(text, draw)
    return text


def misspelt(text: str, draw: random.Random) -> str:
    """One long word with two letters swapped, a letter dropped, doubled or split off."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5]
    if not long:
        return text
    i = draw.choice(long)
    word, at = words[i], draw.randrange(1, len(words[i]) - 2)
    words[i] = draw.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + " " + word[at:],
        )
    )
    return " ".join(words)


def embedded(text: str, draw: random.Random) -> str:
    """The text between harmless sentences, as it stands in a window of a longer one."""
    pieces = [draw.choice(FILLER), text if text[-1:] in '.!?"' else text + "."]
    if draw.random() < 0.5:
        pieces.append(draw.choice(FILLER))
    if draw.random() < 0.3:
        pieces.reverse()
    return " ".join(pieces)
