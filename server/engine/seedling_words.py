"""The word stock of seedling's world: made-up names, and values of every kind.

Almost every name is coined from syllables, so that a model cannot answer from memory of its training and must
read (in context) or be taught (by LoRA). One coined word in eight, chosen by a checksum of the word, is kept
out of training: evaluation and benchmarks draw only from those.
"""

from __future__ import annotations

import random
import zlib


def _list(words: str) -> list[str]:
    return words.split()


_ONSETS = _list("b c d f g h j k l m n p r s t v w z br cr dr fl gl kr pl st tr vr sh th qu")
_VOWELS = _list("a e i o u a e i o u ai ea io ou y")
_CODAS = ["", "", *_list("n r s x l m th nd rk ne ta ro vik den")]

FIRST_NAMES = _list(
    "Anna Ben Carla David Elena Farid Grace Hugo Ines Jonas Kira Liam Maya Noah Olga Pavel Quinn Rosa Sam "
    "Tara Uma Victor Wendy Xena Yusuf Zoe Alice Bob Carol Dan Erin Frank Gina Henry Ivan Julia Karl Laura "
    "Mark Nina Omar Paula Ravi Sofia Tom Vera Will Yara Amir Bella Ottilie Priya Chen Mei Lucas Marta Peter "
    "Eva Dana Max"
)
PLAIN_NAMES = _list(
    "Falcon Apollo Orion Delta Aurora Zephyr Atlas Nova Comet Echo Harbor Summit Maple Cedar Willow River "
    "Phoenix Titan Pioneer Horizon Beacon Compass Lantern Granite Raven Otter Heron Tundra Meadow Coral "
    "Pearl Amber Storm Thunder Rex Rover Bruno Luna Milo Felix Daisy Pepper Ginger Biscuit Shadow Lumo Vega "
    "Helix Quartz Nimbus"
)
CITIES = _list(
    "Paris London Berlin Tokyo Madrid Rome Oslo Cairo Lima Delhi Seoul Dublin Vienna Prague Athens Lagos "
    "Nairobi Toronto Chicago Boston Denver Austin Seattle Sydney Lisbon Warsaw Zurich Geneva Milan Kyoto "
    "Porto Bergen Hamburg Munich Lyon Arden Bristol Leeds Dallas Miami"
)
COLORS = _list("red blue green yellow purple orange black white silver gold teal crimson violet amber indigo")
ANIMALS = _list(
    "cat dog parrot rabbit hamster turtle lizard horse pony goat ferret snake owl fox heron otter"
)
FOODS = _list(
    "pizza pasta sushi ramen curry tacos salad soup pancakes dumplings lasagna falafel risotto burgers "
    "noodles pie"
)
DAYS = _list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _list("January February March April May June July August September October November December")
JOBS = _list(
    "nurse teacher pilot chef engineer doctor lawyer baker painter singer writer plumber farmer dentist "
    "manager designer driver gardener judge librarian"
)
THINGS = _list(
    "router server printer database cluster gateway drone sensor laptop engine robot scanner telescope "
    "reactor service lamp camera bike phone tablet van boat machine pump heater drill kettle vault"
)
PLACES = _list(
    "library museum bakery clinic shop cafe pool gym school hotel market office theater garden lab store"
)
GROUPS = _list("team group club band crew project class company")
ADJECTIVES = _list(
    "small big old new quiet bright wooden iron round cold warm spare hidden upper lower north south"
)
NOUNS = _list(
    "key box table door lake stone apple cup river shelf drawer tower bridge hat boot window candle rope "
    "map bell cabinet kitchen garage basement attic locker tent mirror basket wheel"
)
LANGUAGES = _list(
    "French German Spanish Italian Polish Dutch Greek Arabic Hindi Korean Turkish Danish Swedish"
)
INSTRUMENTS = _list("piano guitar violin flute drums cello trumpet harp clarinet banjo")
DRINKS = _list("tea coffee milk cocoa lemonade water juice cider")


class Words:
    """Draws words of a kind; `unseen` draws only coined words that training never shows."""

    def __init__(self, rng: random.Random, *, unseen: bool = False) -> None:
        self.rng = rng
        self.unseen = unseen

    def draw(self, kind: str) -> str:
        """One word or phrase of `kind`: the name of a method below, or of a list in `_LISTS`."""
        if kind in _LISTS:
            return self.rng.choice(_LISTS[kind])
        drawn: str = getattr(self, kind)()
        return drawn

    def coined(self) -> str:
        """A made-up lower-case word from this side of the checksum."""
        while True:
            length = self.rng.choice((1, 2, 2, 2, 3))
            word = "".join(self.rng.choice(_ONSETS) + self.rng.choice(_VOWELS) for _ in range(length))
            word += self.rng.choice(_CODAS)
            if len(word) > 2 and (zlib.crc32(word.encode()) % 8 == 0) == self.unseen:
                return word

    def name(self) -> str:
        """A proper name: coined, or a plain English word when those are allowed."""
        if not self.unseen and self.rng.random() < 0.25:
            return self.rng.choice(PLAIN_NAMES)
        return self.coined().capitalize()

    def term(self) -> str:
        """A value without a form of its own: a name, a lower-case word, or two plain words."""
        pick = self.rng.random()
        if pick < 0.45:
            return self.name()
        if pick < 0.7:
            return self.coined()
        if pick < 0.8:
            return f"{self.name()} {self.name()}"
        return f"{self.rng.choice((*ADJECTIVES, *COLORS))} {self.rng.choice((*NOUNS, *ANIMALS))}"

    def person(self) -> str:
        """A person, by first name, by both names or by a coined name alone."""
        pick = self.rng.random()
        first = self.rng.choice(FIRST_NAMES)
        if self.unseen or pick < 0.5:
            return f"{first} {self.coined().capitalize()}"
        return first if pick < 0.8 else self.name()

    def thing(self) -> str:
        """A device or another thing with a name."""
        return f"the {self.name()} {self.rng.choice(THINGS)}"

    def venue(self) -> str:
        """A place that opens and closes, found by its name or by its town."""
        place = self.rng.choice(PLACES)
        return f"the {place} in {self.town()}" if self.rng.random() < 0.4 else f"the {self.town()} {place}"

    def group(self) -> str:
        """A team, a company or another group."""
        if self.rng.random() < 0.3:
            return self.name()
        return f"the {self.name()} {self.rng.choice(GROUPS)}"

    def project(self) -> str:
        """A project or product that has dates."""
        pick = self.rng.random()
        if pick < 0.5:
            return f"Project {self.name()}"
        return f"the {self.name()} project" if pick < 0.75 else f"the {self.name()} {self.rng.choice(THINGS)}"

    def trip(self) -> str:
        """A connection that leaves, arrives and takes its time."""
        return f"the {self.rng.choice(('train', 'bus', 'ferry', 'flight', 'boat'))} to {self.town()}"

    def town(self) -> str:
        """A town, real or coined."""
        coined = self.unseen or self.rng.random() < 0.5
        return self.coined().capitalize() if coined else self.rng.choice(CITIES)

    def spot(self) -> str:
        """Where a small thing is kept."""
        return f"the {self.rng.choice((*ADJECTIVES, *COLORS))} {self.rng.choice(NOUNS)}"

    def belonging(self) -> str:
        """A small thing that is kept somewhere."""
        owner = self.name() if self.unseen or self.rng.random() < 0.6 else self.rng.choice(ADJECTIVES)
        return f"the {owner} {self.rng.choice(NOUNS)}"

    def number(self) -> str:
        """A whole number of two to five digits."""
        top = self.rng.choice((99, 999, 9999, 9999, 99999))
        return str(self.rng.randint(max(2, top // 10), top))

    def small(self) -> str:
        """A small whole number."""
        return str(self.rng.randint(2, 99))

    def code(self) -> str:
        """Letters and digits, as on a door, a badge or a parcel."""
        length = self.rng.choice((1, 2, 3))
        letters = "".join(self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(length))
        return letters + self.rng.choice(("-", "", "-")) + str(self.rng.randint(10, 999))

    def secret(self) -> str:
        """A pass phrase."""
        return f"{self.coined()}-{self.rng.choice(ANIMALS)}-{self.rng.randint(10, 99)}"

    def date(self) -> str:
        """A day of the year."""
        day, month = self.rng.randint(1, 28), self.rng.choice(MONTHS)
        return f"{month} {day}" if self.rng.random() < 0.75 else f"{day} {month}"

    def time(self) -> str:
        """A time of the day, in both ways of writing it."""
        if self.rng.random() < 0.7:
            hour, past = self.rng.randint(1, 12), self.rng.choice(("", "", ":30", ":15"))
            return f"{hour}{past} {self.rng.choice(('am', 'pm'))}"
        return f"{self.rng.randint(5, 22)}:{self.rng.choice(('00', '15', '30', '45'))}"

    def duration(self) -> str:
        """A length of time."""
        unit = self.rng.choice(("days", "days", "weeks", "months", "years", "hours"))
        return f"{self.rng.randint(2, 99)} {unit}"

    def span(self) -> str:
        """A short length of time."""
        return f"{self.rng.randint(2, 90)} {self.rng.choice(('seconds', 'minutes', 'hours'))}"

    def price(self) -> str:
        """A sum of money."""
        amount = self.rng.randint(2, 999)
        return f"${amount}" if self.rng.random() < 0.7 else f"{amount} euros"

    def weight(self) -> str:
        """How heavy something is."""
        return f"{self.rng.randint(2, 900)} {self.rng.choice(('kg', 'grams', 'tons'))}"

    def version(self) -> str:
        """A version number."""
        return f"{self.rng.randint(0, 9)}.{self.rng.randint(0, 20)}"


_LISTS: dict[str, list[str]] = {
    "color": COLORS,
    "animal": ANIMALS,
    "food": FOODS,
    "day": DAYS,
    "job": JOBS,
    "tongue": LANGUAGES,
    "instrument": INSTRUMENTS,
    "drink": DRINKS,
}
