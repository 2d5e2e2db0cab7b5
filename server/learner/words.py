"""Names, things and questions from which neighbour questions are made. Data only."""

from __future__ import annotations


def split(text: str) -> tuple[str, ...]:
    """Words of a block of text."""
    return tuple(text.split())


def split_phrases(text: str) -> tuple[str, ...]:
    """Phrases between bars."""
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


PLACES = split(
    """
    Madrid Vienna Lima Cairo Dublin Seoul Porto Lyon Bergen Quito Lisbon Oslo Prague Denver Kyoto
    Hamburg Leeds Turin Malmo Tampa Ghent Basel Osaka Perth Austin Cork Utrecht Krakow Riga Bristol
    Salem Toledo
    """
)
FIRST_NAMES = split(
    """
    Anna Peter Maria Lukas Sofia Daniel Clara Victor Elena Oscar Nadia Simon Ingrid Hugo Petra Silas
    Marta Felix Greta Tobias Ida Ruben Alma Edgar Noor Yusuf Mei Ravi Jonas Livia Otto Selma Bruno Thea
    """
)
LAST_NAMES = split(
    """
    Keller Lindqvist Moreau Novak Rossi Halvorsen Brandt Okafor Tanaka Dupont Farrow Whitlock Merrow
    Vane Lomax Renn Castell Hurst Amsel Delgado Pryor Sandoval Ekberg Thorne Marsh Ostrow Kemp Ballard
    """
)
ONSETS = split(
    """
    b br c cr d dr f fl g gr h j k kl l m n p pr qu r s st t tr v w z th sh
    """
)
VOWELS = split(
    """
    a e i o u ea ai o e a
    """
)
CODAS = split(
    """
    n r l m rn nd x s th ck lm st sk v d t
    """
)
ENDINGS = ("", *split("a o en er is on ix um ell ard ia"))

KINDS = split(
    """
    router gateway switch server printer laptop device machine pump lamp drone camera app database project
    team office branch plant factory shop store hotel school festival contract report building warehouse club
    """
)
"""What a named thing may be: takes the place of the noun after a name."""

THINGS = split_phrases(
    """
    dog | car | garden | sister | brother | neighbour | phone | front door | boat | uncle | best friend
    | school | old house | teacher | trial period | lunch break | warranty | delivery time | budget |
    opening hours | notice period | parking space | newsletter | sales team | main supplier | landlord |
    accountant | guest portal | printer | meeting room | coffee machine | test server | summer party |
    annual report | dress code | holiday policy | bank | loyalty card | mailbox | archive | training
    plan | help desk | company car | kitchen | second office | mission statement | support line | mascot
    | flagship shop | web shop
    """
)
"""What somebody may own: takes the place of a noun in a question about `my …` or `our …`."""

OWNERS = split_phrases(
    """
    my neighbour's | my sister's | my boss's | their | his | her | your | the other team's | my friend's
    | the landlord's
    """
)

THING_QUESTIONS: tuple[tuple[str, str], ...] = (
    ("How much does {} cost?", "cost price pay euro dollar pound expensive"),
    ("What is the price of {}?", "cost price pay euro dollar pound expensive"),
    ("What colour is {}?", "colour color painted red green blue"),
    ("How old is {}?", "old age born built founded since year"),
    ("Who owns {}?", "own belong"),
    ("Who designed {}?", "design invent create made make write wrote written author"),
    ("Who is responsible for {}?", "responsible charge run manage lead head boss maintain"),
    ("Where is {}?", "where place town city located room floor street address lives live"),
    ("How big is {}?", "big size tall long wide large"),
    ("How much does {} weigh?", "weigh weight heavy kilogram"),
    ("When was {} set up?", "when date day month year start open built time"),
    ("What is the serial number of {}?", "serial number code"),
    ("How many people work with {}?", "many people workers staff"),
    ("What is the phone number for {}?", "phone number call"),
    ("What is the password of {}?", "password code pin login"),
    ("Which company made {}?", "company firm made make built supplier"),
    ("What is {} made of?", "made material"),
    ("When does {} open?", "when open hours time start"),
    ("Who told you about {}?", "told"),
    ("What is the nickname of {}?", "name called nickname"),
    ("How often is {} checked?", "often check every"),
    ("What is the budget of {}?", "budget cost price"),
    ("Who is the contact for {}?", "contact who person"),
    ("What language does {} use?", "language"),
    ("How long is {}?", "long length days hours duration"),
)
"""Questions about something, and the words that mean the fact may be about just this."""

PERSON_QUESTIONS: tuple[tuple[str, str], ...] = (
    ("How old is {}?", "old age born year birthday"),
    ("Where was {} born?", "born where"),
    ("Where does {} live?", "live lives where home town city"),
    ("What is {}'s phone number?", "phone number call"),
    ("What is the job of {}?", "job work runs leads manages head boss role"),
    ("Who is {} married to?", "married wife husband partner"),
    ("When is {}'s birthday?", "birthday born when date"),
    ("What does {} like to eat?", "eat food like"),
    ("Which languages does {} speak?", "language speak"),
    ("What car does {} drive?", "car drive"),
    ("How tall is {}?", "tall height"),
    ("What did {} study?", "study studied university"),
    ("What is the email address of {}?", "email address mail"),
    ("Does {} have children?", "child children son daughter"),
    ("What is the hobby of {}?", "hobby play plays sport instrument like"),
    ("Where did {} work before?", "work before job where"),
)
"""The same about a person."""
