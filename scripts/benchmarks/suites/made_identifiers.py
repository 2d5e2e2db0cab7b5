"""Sentences with identifiers in the many forms that people and test-data libraries write, made at run time.

Checksums are valid where the kind has one (Luhn for cards, mod 97 for IBANs), bodies are drawn from a seed. Forms
and sentences were written for this project, apart from any public suite.
"""
# ruff: noqa: E501 (a sentence is read as one line)

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class Identified:
    """A sentence, and where in it the identifier stands."""

    kind: str
    text: str
    start: int
    end: int


PHONES = """\
+1-541-###-####x123
+1-541-###-####
+1 (415) ###-####
+1.212.###.####
001-555-###-####
001-555-###-####x4471
(555) ###-####
(555)###-####x881
555-###-####
555.###.####
555 ### ####
1-800-###-####
555###0142
415-555-#### ext. 12
415-555-#### extension 7
+44 20 7946 ####
+44 (0)20 7946 ####
+44(0)20 79## ####
+44 7700 90####
(0)20 7946 ####
020 7946 ####
0117 496 ####
07700 900###
(0115) 496 0###
+49 (0)30 ######
+49 30 ########
+49(0)8765 43210
0171 #######
030/#######
04931 ######
+33 1 ## ## ## ##
+33 (0)6 ## ## ## ##
01 ## ## ## ##
06.##.##.##.##
+39 02 ########
+39 3## #######
+34 6## ## ## ##
9## ## ## ##
+31 6 ########
06-########
+31(0)20-#######
+32 2 ### ## ##
0470 ## ## ##
+41 44 ### ## ##
079 ### ## ##
+43 1 #######
+46 8 ### ## ##
08-### ### ##
+47 ## ## ## ##
+45 ## ## ## ##
+48 ### ### ###
+351 21 ### ####
+30 21# ### ####
+420 ### ### ###
+36 1 ### ####
+353 1 ### ####
+7 (495) ###-##-##
8 (800) ###-##-##
+380 44 ### ####
+90 532 ### ## ##
+91 98### #####
+91-22-########
098### #####
+86 138 #### ####
+81 3-####-####
03-####-####
090-####-####
+82 2-###-####
010-####-####
+61 2 #### ####
(02) 9### ####
04## ### ###
+64 9 ### ####
+55 11 9####-####
(11) 9####-####
+52 55 #### ####
+54 11 ####-####
+56 2 #### ####
+27 11 ### ####
+234 803 ### ####
+254 7## ######
+20 2 ########
+971 50 ### ####
+966 5# ### ####
+972-3-###-####
+62 21 #### ####
+63 2 #### ####
+65 6### ####
+852 2### ####
+(1) 541 ### ####
541.###.####x99
""".splitlines()
"""# is a drawn digit, never a zero where a group begins."""
CARDS = (
    ("4", 16, (4, 4, 4, 4)), ("4", 13, ()), ("4", 19, ()), ("51", 16, (4, 4, 4, 4)), ("2221", 16, ()),
    ("34", 15, (4, 6, 5)), ("37", 15, ()), ("6011", 16, (4, 4, 4, 4)), ("36", 14, (4, 6, 4)), ("300", 14, ()),
    ("3528", 16, ()), ("2131", 15, ()), ("1800", 15, ()), ("5018", 12, ()), ("6304", 12, ()), ("6759", 13, ()),
    ("6761", 18, ()), ("62", 17, ()), ("5020", 14, ()), ("8699", 15, ()),
)  # fmt: skip
"""Issuer prefix, digits, groups (none: one run)."""
IBANS = (
    ("DE", "##################"), ("GB", "LLLL##############"), ("FR", "#######################"), ("NL", "LLLL##########"),
    ("ES", "####################"), ("IT", "L######################"), ("CH", "#################"), ("AT", "################"),
    ("BE", "############"), ("PL", "########################"), ("SE", "####################"), ("NO", "###########"),
    ("DK", "##############"), ("IE", "LLLL##############"), ("PT", "#####################"), ("GR", "#######################"),
    ("TR", "######################"), ("SA", "####################"), ("AE", "###################"), ("BR", "#######################LL"),
)  # fmt: skip
FIRST = ["ada", "bram", "chidi", "dewi", "elif", "farid", "gwen", "hana", "ines", "joao", "kofi", "lena"]
LAST = [
    "lovett",
    "okafor",
    "hartono",
    "yildiz",
    "haddad",
    "pryce",
    "sato",
    "moreau",
    "silva",
    "mensah",
    "brandt",
    "quist",
]
MAIL_HOSTS = [
    "norvik.com",
    "arden.org",
    "mail.brandt.de",
    "lovett.co.uk",
    "quist.info",
    "sato.ne.jp",
    "pryce-hall.net",
    "office.mensah.biz",
]
SENTENCES = {
    "phone": (
        "Call me back on {} tonight.", "{} is the number of the surgery.", "Please change the number on file to {}",
        "Ada ({}) will bring the keys.", "Reach the office at {}.", "My new number: {}", "I moved; you get me under {} now.",
    ),
    "card": (
        "Charge {} for the flight.", "My card {} was declined.", "Please cancel {}, it was stolen", "The shop still has {} on file.",
        "Payment went through with {}.",
    ),
    "iban": ("Send the rent to {}.", "IBAN: {}", "I bank with Arden, {} it is.", "Please use {} for refunds"),
    "email": ("Write to {}.", "{} bounced again", "Her address ({}) is new.", "Forward it to {}, please."),
    "ip": ("The attack came from {}.", "I logged in from {} yesterday", "Block {} at the firewall.", "My address at home is {}"),
    "ssn": ("My social is {}.", "SSN {} belongs to Ada.", "The form asks for {}", "He gave {} to the clerk."),
    "url": ("My page is {}", "See {} for my CV.", "I write at {}.", "Her profile: {}"),
}  # fmt: skip
SIZES = {"phone": 2, "card": 4, "iban": 3, "email": 70, "ip": 60, "ssn": 50, "url": 50}
"""How many sentences each form gets, or in all where a kind has no list of forms."""


def identified(seed: int = 0) -> list[Identified]:
    """Over 500 sentences, each with one identifier."""
    draw = random.Random(seed)
    made: list[tuple[str, str]] = []
    made += [("phone", _digits(form.strip(), draw)) for form in PHONES for _ in range(SIZES["phone"])]
    made += [
        ("card", _card(prefix, n, groups, draw)) for prefix, n, groups in CARDS for _ in range(SIZES["card"])
    ]
    made += [("iban", _iban(*form, draw)) for form in IBANS for _ in range(SIZES["iban"])]
    makers: dict[str, Callable[[random.Random], str]] = {"email": _email, "ip": _ip, "ssn": _ssn, "url": _url}
    made += [(kind, make(draw)) for kind, make in makers.items() for _ in range(SIZES[kind])]
    return [_in_a_sentence(kind, value, draw) for kind, value in made]


def _in_a_sentence(kind: str, value: str, draw: random.Random) -> Identified:
    before, after = draw.choice(SENTENCES[kind]).split("{}")
    return Identified(kind, before + value + after, len(before), len(before) + len(value))


def _digits(form: str, draw: random.Random) -> str:
    form = re.sub(r"(?<![\d#])#", lambda _: str(draw.randrange(2, 10)), form)
    return "".join(str(draw.randrange(10)) if c == "#" else c for c in form)


def _card(prefix: str, length: int, groups: tuple[int, ...], draw: random.Random) -> str:
    body = prefix + "".join(str(draw.randrange(10)) for _ in range(length - len(prefix) - 1))
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body))]
    number = body + str(-sum(n // 10 + n % 10 for n in doubled) % 10)
    if not groups or draw.random() < 0.4:
        return number
    pieces, at = [], 0
    for size in groups:
        pieces.append(number[at : at + size])
        at += size
    return draw.choice(" -").join(pieces)


def _iban(country: str, form: str, draw: random.Random) -> str:
    letters = string.ascii_uppercase
    bban = "".join(draw.choice(letters) if c == "L" else str(draw.randrange(10)) for c in form)
    value = int("".join(str(int(c, 36)) for c in f"{bban}{country}00"))
    number = f"{country}{98 - value % 97:02d}{bban}"
    if draw.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def _email(draw: random.Random) -> str:
    first, last = draw.choice(FIRST), draw.choice(LAST)
    local = draw.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{draw.randrange(99)}",
            f"{first}+news",
            last.upper(),
        ]
    )
    return f"{local}@{draw.choice(MAIL_HOSTS)}"


def _ip(draw: random.Random) -> str:
    if draw.random() < 0.35:
        return ":".join(f"{draw.randrange(2**16):x}" for _ in range(8))
    first = draw.choice([n for n in range(1, 224) if n not in (10, 100, 127, 169, 172, 192)])
    return ".".join(str(n) for n in (first, draw.randrange(256), draw.randrange(256), draw.randrange(1, 255)))


def _ssn(draw: random.Random) -> str:
    area = draw.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03d}-{draw.randrange(1, 100):02d}-{draw.randrange(1, 10000):04d}"


def _url(draw: random.Random) -> str:
    first, last = draw.choice(FIRST), draw.choice(LAST)
    return draw.choice(
        [
            f"https://www.{last}.com/", f"http://{first}{last}.net", f"https://www.{last}-{first}.info/about",
            f"https://linkedin.com/in/{first}-{last}", f"www.{last}.org", f"https://{first}.github.io/",
            f"{first}-{last}.com", f"https://{last}.co.uk/~{first}?page=2", f"{last}.biz", f"http://www.{first}.de/cv.html",
        ]
    )  # fmt: skip
