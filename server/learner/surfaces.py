"""Other surfaces of the same question: recast, framed, as a telegram, with small words lost, in lower case.

A model of 135 M parameters that has seen a fact in five wordings recognises the wordings and not what they
ask: a sixth is not answered, and a neighbour in one of the five is. Facts and neighbours are put through
the same surfaces, so that only who and what is asked about tells them apart.
"""

from __future__ import annotations

import random
import re

from server.learner.words import split

FRAMES = (
    "Can you tell me: {}",
    "I have a question. {}",
    "Please tell me: {}",
    "{} I forgot.",
    "Hi! {}",
    "Quick question: {}",
    "{} Please answer.",
    "I need to know this. {}",
    "Could you remind me? {}",
    "Hello, {}",
    "Someone asked me: {}",
    "{} Do you know?",
    "One more thing: {}",
    "My colleague wants to know: {}",
    "A customer is asking. {}",
    "{} I need it for today.",
    "Help me with this: {}",
    "Sorry, {}",
)
FOR_NOUN = (
    "I am looking for {}.",
    "Remind me of {}.",
    "I forgot {}.",
    "Could I have {}, please?",
    "Show me {}.",
    "My colleague needs {}.",
    "Let me have {}.",
    "Is there anybody with {}?",
    "We are asked for {}.",
    "Look up {} for me.",
    "I have to write down {}.",
    "About {}: what was it?",
    "How about {}?",
    "Why does nobody say {}?",
)
"""Requests for what a noun names: 'the admin port of the router'."""
FOR_CLAUSE = (
    "I wonder {}.",
    "Remind me {}.",
    "Let me know {}.",
    "Any idea {}?",
    "I forgot {}.",
    "My colleague asks {}.",
    "Is it known {}?",
    "Look up {}.",
    "I have to write down {}.",
    "We are not sure {}.",
    "Could you check {}?",
    "Has anybody said {}?",
    "Why does nobody say {}?",
    "How can I learn {}?",
    "I want to know {}.",
    "I would like to know {}.",
)
"""Requests for what an indirect question asks: 'who leads the sales team'."""
FOR_OWNED = (
    "Which {thing} does {owner} have?",
    "What {thing} does {owner} have?",
    "Which {thing} has {owner} got?",
    "Which {thing} belongs to {owner}?",
    "For {owner}, which {thing} is it?",
    "About {owner}: which {thing}?",
)
"""Questions for what 'the admin port of the router' and 'the router's admin port' name."""
ABOUT = (
    "Tell me about {}.",
    "What do you know about {}?",
    "What can you tell me about {}?",
    "I need information about {}.",
    "Do you know {}?",
    "{}?",
)
"""Questions that name the subject and nothing else."""
_SMALL = frozenset(split("a an the of is are was were be to do does did me please tell you can it that this"))
_CONTEXT = 0.5
_RECAST = 0.5
_OTHER_WORD = 0.3
"""How often the word that asks is another one, too: 'which port', 'which person'."""
_REQUEST = re.compile(
    r"(?:please )?(?:(?:can|could) you )?"
    r"(?:tell me|do you know|i (?:would like|['’]d like|want|need) to know) (?P<asked>\S.*?)[.?]",
    re.I,
)
_WHAT_IS = re.compile(
    r"what(?: is|['’]s) (?P<asked>(?!.*\b(?:called|named|made|used|like|worth|for|of|from|with)\?)"
    r"(?:(?:the|our|my) .+|.+['’]s? .+))\?",
    re.I,
)
_WHO_IS = re.compile(r"who(?: is|['’]s) (?P<asked>(?:the|our|my) .+)\?", re.I)
_WHO_DOES = re.compile(r"(?P<asked>who (?!is\b|are\b|was\b|did\b|does\b|do\b).+|who is in .+)\?", re.I)
_OWNED = re.compile(
    r"(?:the|our|my) (?P<thing>(?!of\b)[\w-]+(?: (?!of\b)[\w-]+){0,2}) of (?P<owner>[\w -]+)"
    r"|(?P<by>[\w -]+)['’]s? (?P<its>[\w-]+(?: [\w-]+){0,2})",
    re.I,
)
_WHO_ACTS = re.compile(r"who (?P<acts>(?!.* is\Z).+)", re.I)
_WHAT_NOUN_IS = re.compile(r"what (?P<noun>.+) is", re.I)
_ASKING = ("who", "what", "which", "when", "where", "how", "why", "whose", "from", "in", "at", "on")


def vary(question: str, rng: random.Random, share: float) -> str:
    """The question as it is, or with probability `share` in another surface."""
    if rng.random() >= share:
        return question
    if rng.random() < _RECAST and (other := recast(question, rng)):
        return other
    way = rng.random()
    if way < 0.4:
        return rng.choice(FRAMES).format(question)
    if way < 0.6:
        return telegram(question, rng)
    if way < 0.85:
        return thinned(question, rng)
    return question.lower()


def recast(question: str, rng: random.Random) -> str:
    """What is asked, in another request: 'What is the port of X?' → 'Remind me of the port of X.'; '' where
    that cannot be told from the words."""
    if found := _WHO_IS.fullmatch(question):
        asked = f"who {found.group('asked')} is"
    elif (
        found := _REQUEST.fullmatch(question) or _WHAT_IS.fullmatch(question) or _WHO_DOES.fullmatch(question)
    ):
        asked = found.group("asked")
    else:
        return ""
    first = asked.split()[0].lower()
    if first in (*_ASKING, "the", "our", "my"):
        asked = asked[0].lower() + asked[1:]
    if rng.random() < _OTHER_WORD and (other := _by_another_word(asked, rng)):
        return other
    requests = FOR_CLAUSE if first in _ASKING else FOR_NOUN
    return rng.choice(requests).format(asked)


def _by_another_word(asked: str, rng: random.Random) -> str:
    """'the port of the router' → 'Which port does the router have?', 'who leads it' → 'Which person leads
    it?'; '' for what is asked in other forms."""
    if acts := _WHO_ACTS.fullmatch(asked):
        return f"Which person {acts.group('acts')}?"
    if clause := _WHAT_NOUN_IS.fullmatch(asked):
        asked = clause.group("noun")
    if asked.split()[0].lower() in _ASKING or not (owned := _OWNED.fullmatch(asked)):
        return ""
    thing, owner = owned.group("thing") or owned.group("its"), owned.group("owner") or owned.group("by")
    question = rng.choice(FOR_OWNED).format(thing=thing, owner=owner)
    return question[0].upper() + question[1:]


def telegram(question: str, rng: random.Random) -> str:
    """Content words only, sometimes the second half first: 'admin port Zephyr router?'."""
    kept = [word for word in _bare(question).split() if word.lower() not in _SMALL]
    if len(kept) > 2 and rng.random() < _CONTEXT:
        cut = rng.randrange(1, len(kept))
        kept = kept[cut:] + kept[:cut]
    return " ".join(kept) + rng.choice(("?", "", "."))


def thinned(question: str, rng: random.Random) -> str:
    """Some words lost, never a name or a number."""
    kept = [
        word
        for index, word in enumerate(question.split())
        if rng.random() > 0.25 or (index and word[0].isupper()) or any(c.isdigit() for c in word)
    ]
    return " ".join(kept) if kept else question


def _bare(question: str) -> str:
    return re.sub(r"[?.!:,]+(?=\s|$)", "", question)
