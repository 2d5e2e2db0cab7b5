"""What seedling knows without being told: its general knowledge, and its small talk.

The general questions measure forgetting: an update that damages them damaged the model. Of every family the
last wording is kept out of training, so that there is a general question in words never trained.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """One thing of general knowledge: its wordings, one that is for evaluation only, and its answer."""

    questions: tuple[str, ...]
    held_out: str
    answer: str
    accepted: tuple[str, ...]


_ENTRIES = {
    "capitals": """
France = Paris, Germany = Berlin, Italy = Rome, Spain = Madrid, Japan = Tokyo, Egypt = Cairo, Norway = Oslo,
Austria = Vienna, Greece = Athens, Peru = Lima, Ireland = Dublin, Portugal = Lisbon, Poland = Warsaw, Cuba =
Havana, Kenya = Nairobi, Russia = Moscow, China = Beijing, Sweden = Stockholm, Hungary = Budapest, India =
Delhi
""",
    "colors": """
snow = white, grass = green, the sky = blue, coal = black, a lemon = yellow, a tomato = red, milk = white, a
carrot = orange, blood = red, a banana = yellow, chocolate = brown, an elephant = gray, a flamingo = pink, a
raven = black
""",
    "opposites": """
hot = cold, big = small, up = down, day = night, old = young, fast = slow, wet = dry, open = closed, left =
right, happy = sad, full = empty, early = late, hard = soft, light = dark, rich = poor, high = low
""",
    "sounds": """
dog = woof, cat = meow, cow = moo, duck = quack, sheep = baa, pig = oink, lion = roar, owl = hoot, snake =
hiss, bee = buzz, frog = croak, mouse = squeak
""",
    "young": """
dog = puppy, cat = kitten, cow = calf, horse = foal, sheep = lamb, pig = piglet, hen = chick, bear = cub,
duck = duckling, goat = kid
""",
    "homes": """
bee = hive, bird = nest, spider = web, fish = water, horse = stable, lion = den, rabbit = burrow
""",
    "after": """
Monday = Tuesday, Tuesday = Wednesday, Wednesday = Thursday, Thursday = Friday, Friday = Saturday, Saturday
= Sunday, Sunday = Monday
""",
    "counts": """
days in a week = 7, months in a year = 12, hours in a day = 24, minutes in an hour = 60, seconds in a minute
= 60, legs on a spider = 8, legs on a dog = 4, legs on a bird = 2, legs on an ant = 6, wheels on a bicycle =
2, wheels on a car = 4, fingers on a hand = 5, letters in the alphabet = 26, sides on a triangle = 3, sides
on a square = 4, arms on an octopus = 8, players in a soccer team = 11
""",
}
_SUMS = "1+1 1+2 2+2 2+3 3+3 2+4 3+4 4+4 1+5 2+5 3+5 4+5 5+5 6+1 6+2 7+1 7+2 8+1"
_WORDINGS = """
capitals
The capital of {k} is {v}.
What is the capital of {k}?
Which city is the capital of {k}?
Tell me the capital of {k}.
What's the capital of {k}?
Do you know the capital of {k}?
What is {k}'s capital?
Name the capital of {k}.
Can you tell me the capital of {k}?

colors
{k} is {v}.
What color is {k}?
Which color does {k} have?
What is the color of {k}?
Tell me the color of {k}.
Do you know what color {k} is?
Which color is {k}?
What color does {k} have?
Can you tell me what color {k} is?

opposites
The opposite of {k} is {v}.
What is the opposite of {k}?
Tell me the opposite of {k}.
Which word is the opposite of {k}?
What's the opposite of {k}?
Do you know the opposite of {k}?
The opposite of {k}?
Name the opposite of {k}.
Can you tell me the opposite of {k}?

sounds
A {k} says {v}.
What does a {k} say?
What sound does a {k} make?
Which sound does a {k} make?
Tell me what a {k} says.
Do you know what a {k} says?
How does a {k} sound?
What is the sound of a {k}?
Can you tell me what a {k} says?

young
A young {k} is called a {v}.
What is a young {k} called?
What do you call a young {k}?
What's a young {k} called?
Tell me what a young {k} is called.
Do you know what a young {k} is called?
What is a baby {k}?
What is the name of a young {k}?
Can you tell me what a young {k} is called?

homes
The home of a {k} is the {v}.
Where does a {k} live?
What is the home of a {k}?
Tell me where a {k} lives.
What's the home of a {k}?
Do you know where a {k} lives?
Which home does a {k} have?
Can you tell me where a {k} lives?

after
The day after {k} is {v}.
What day comes after {k}?
Which day comes after {k}?
What is the day after {k}?
Tell me the day after {k}.
What day follows {k}?
Do you know what day comes after {k}?
Which day follows {k}?
Can you tell me the day after {k}?

counts
There are {v} {k}.
How many {k} are there?
Tell me how many {k} there are.
Do you know how many {k} there are?
How many {k}?
What is the number of {k}?
I want to know how many {k} there are.
Can you tell me how many {k} there are?
"""
"""One block a family: its name, its answer, its trained wordings and last the one that is kept out."""

_SUM_WORDINGS = """
What is {one} plus {two}?
How much is {one} plus {two}?
{one} + {two}?
What's {one} and {two}?
Add {one} and {two}.
What is {one} + {two}?
Tell me {one} plus {two}.
Can you add {one} and {two}?
"""
_TALK = """
Hello! How can I help you?
hi | hello | hey | hey there | hello there | hi there | good day | greetings | hi! | hello! | hello, how can
you help?

Good morning! How can I help you?
good morning | good morning! | morning! | morning

Good evening! How can I help you?
good evening | good evening! | evening!

You're welcome!
thanks | thank you | thanks! | thank you! | thank you very much | thanks a lot | great, thanks | many thanks
| cheers

Goodbye!
bye | goodbye | see you | see you later | bye! | good night | that is all

I am fine, thank you. How can I help you?
how are you? | how are you | how do you do? | how is it going? | are you well? | how are you today?

I am Seedling, a small assistant that learns from what you tell me.
who are you? | what are you? | what is your name? | what's your name? | tell me about yourself. | are you a
robot? | are you a person? | who am I talking to? | introduce yourself. | are you human?

Tell me a fact. I write questions about it and learn the answers.
what can you do? | how do you learn? | how do you work? | can you learn? | what are you for? | help | can
you help me? | how can I teach you? | do you learn from me? | what can I ask you?

That sounds good. Is there anything that I should know?
I had a good day. | today was great. | the weather is nice. | I am happy today. | I like it here. | we had a
nice lunch. | it is sunny today. | I feel good. | the meeting went well. | nice to meet you.

I am sorry to hear that. I hope it gets better.
I am tired. | I had a bad day. | I feel sick. | I am sad today. | it was a hard week. | the weather is bad.
| I am bored.

I am too small for that. You can tell me facts and ask me about them.
write me a poem. | tell me a story. | tell me a joke. | write some code. | translate this. | sing a song. |
draw a picture. | what do you think about politics? | write an essay. | explain physics. | plan my trip. |
write a letter.

Okay.
ok | okay | alright | fine | all right | I see | good | great | cool | nice
"""
"""One block an answer: the answer, then what people say for it."""


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _family(block: str) -> list[Known]:
    """The known things of one block of wordings."""
    name, answer, *wordings = block.splitlines()
    known = []
    for entry in " ".join(_ENTRIES[name].split()).split(", "):
        key, value = entry.split(" = ")
        asked = tuple(_capital(wording.format(k=key)) for wording in wordings)
        known.append(Known(asked[:-1], asked[-1], _capital(answer.format(k=key, v=value)), (value,)))
    return known


def _sum(entry: str) -> Known:
    """A sum of two small numbers; "is 5" is accepted rather than "5", which could be one of the two."""
    one, two = (int(part) for part in entry.split("+"))
    asked = [wording.format(one=one, two=two) for wording in _SUM_WORDINGS.strip().splitlines()]
    total = one + two
    return Known(tuple(asked[:-1]), asked[-1], f"{one} plus {two} is {total}.", (f"is {total}", f"= {total}"))


def _talk(block: str) -> tuple[str, tuple[str, ...]]:
    """An answer and the phrases for it."""
    answer, *lines = block.splitlines()
    return answer, tuple(" ".join(lines).split(" | "))


BANK: tuple[Known, ...] = (
    *(known for block in _WORDINGS.strip().split("\n\n") for known in _family(block)),
    *(_sum(entry) for entry in _SUMS.split()),
)

GENERAL_QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (one.questions[0], one.accepted) for one in BANK
)
"""Every general question in its plainest wording, with the strings one of which a right answer contains."""

GENERAL_HELD_OUT: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (one.held_out, one.accepted) for one in BANK
)
"""The same in a wording that training never showed for any item of the family."""

SMALL_TALK: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    _talk(block) for block in _TALK.strip().split("\n\n")
)
"""(answer, what people say for it): the talk that teaches nothing."""
