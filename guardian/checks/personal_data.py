"""Data that identifies a person: identity numbers and cards never train, contact data stays with its user."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from stdnum import iban, luhn

from guardian.phones import phones
from guardian.types import Candidate, Decision, Finding, Part, Scope, Source, Span, Tier
from guardian.unicode import canonical
from guardian.web_addresses import web_addresses

_EMAIL = re.compile(r"\b(?!git@)[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}\b")
_SPELLED_EMAIL = re.compile(
    r"(?i)\b[\w.+-]{1,64}\s*(?:\(at\)|\[at\]|\{at\}|\sat\s)\s*[\w-]{1,63}\s*(?:(?:\(dot\)|\[dot\]|\{dot\}|\sdot\s)\s*[\w-]{2,24}\s*){1,3}"
)
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w.:]*[\w:])"
)
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ .-]?\d){11,18}(?![\w-]|\.\d)")
_ISSUERS = ("2", "3", "4", "5", "6", "1800", "8699")
"""What card numbers begin with: 1800 is an old JCB prefix, 8699 Voyager's, the rest are whole ranges."""
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", re.IGNORECASE)
_BORN = re.compile(r"(?i)\b(?:date of birth|d\.?o\.?b\.?|birth ?date)\b[^.!?\n]{0,40}?\d")
_LIVES = re.compile(
    r"(?i)\b(?:lives?|living|resides?|home address|home is)\b[^.!?\n]{0,40}?\b\d{1,5}[a-z]?\s+(?:[A-Z][\w'-]+\s+){1,4}"
    r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|ct|way|boulevard|blvd|square|place|terrace|close)\b"
)
_DEVICE_NETWORKS = tuple(
    ip_network(network)
    for network in [
        "0.0.0.0/32",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "255.255.255.0/24",
        "255.255.0.0/32",
        "255.0.0.0/32",
        "::/127",
        "fc00::/7",
        "fe80::/10",
        "2001:db8::/32",
    ]
)
"""Private, loopback, link-local and documentation networks, and masks: they name a device and not a person."""
_CRYPTO = re.compile(r"\b(?:bc1[a-z0-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40})\b")


@dataclass(frozen=True, slots=True)
class Identity:
    """A kind of identity number: its form, its checksum, and the words it needs nearby ('' for none)."""

    label: str
    module: str
    pattern: re.Pattern[str]
    context: str = ""


_IDENTITIES = (
    Identity("us_ssn", "us.ssn", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    Identity("us_ssn", "us.ssn", re.compile(r"\b\d{3}[ .]?\d{2}[ .]?\d{4}\b"), r"\bssn\b|social security"),
    Identity("us_itin", "us.itin", re.compile(r"\b9\d{2}-\d{2}-\d{4}\b")),
    Identity("gb_nhs", "gb.nhs", re.compile(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b"), r"\bnhs\b"),
    Identity("ca_sin", "ca.sin", re.compile(r"\b\d{3}[ -]?\d{3}[ -]?\d{3}\b"), r"\bsin\b|social insurance"),
    Identity("au_tfn", "au.tfn", re.compile(r"\b\d{3} ?\d{3} ?\d{3}\b"), r"\btfn\b|tax file"),
    Identity("in_aadhaar", "in_.aadhaar", re.compile(r"\b\d{4} ?\d{4} ?\d{4}\b"), r"aadhaa?r|\buid\b"),
    Identity("in_pan", "in_.pan", re.compile(r"\b[A-Z]{5}\d{4}[A-Z]\b"), r"\bpan\b|tax"),
    Identity("br_cpf", "br.cpf", re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b")),
    Identity("it_fiscal_code", "it.codicefiscale", re.compile(r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b")),
    Identity("es_dni", "es.dni", re.compile(r"\b\d{8}-?[A-Z]\b")),
    Identity("es_nie", "es.nie", re.compile(r"\b[XYZ]-?\d{7}-?[A-Z]\b")),
    Identity("fr_nir", "fr.nir", re.compile(r"\b[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}\b")),
    Identity(
        "de_tax_id", "de.idnr", re.compile(r"\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b"), r"steuer|tax id|\bidnr\b"
    ),
    Identity("pl_pesel", "pl.pesel", re.compile(r"\b\d{11}\b"), r"pesel"),
    Identity("se_personal_number", "se.personnummer", re.compile(r"\b(?:\d{2})?\d{6}[-+]\d{4}\b")),
    Identity("fi_personal_code", "fi.hetu", re.compile(r"\b\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]\b")),
    Identity("nl_bsn", "nl.bsn", re.compile(r"\b\d{9}\b"), r"\bbsn\b|burgerservice"),
    Identity("cz_birth_number", "cz.rc", re.compile(r"\b\d{6}/\d{3,4}\b")),
)
_UNCHECKED = (
    ("gb_nino", re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"), ""),
    (
        "card_number",
        re.compile(r"\b\d(?:[ -]?\d){11,18}\b"),
        r"(?:credit|debit|bank|visa|master ?card|amex|payment) ?card|card number",
    ),
    ("passport", re.compile(r"\b(?=[A-Z0-9]*\d{4})[A-Z0-9]{6,10}\b"), r"passport"),
    (
        "driving_licence",
        re.compile(r"\b(?=[A-Z0-9-]*\d{4})[A-Z0-9-]{6,20}\b"),
        r"driv(?:er'?s?|ing) licen[cs]e",
    ),
    (
        "bank_account",
        re.compile(r"\b\d{2,4}(?:[ -]?\d{2,4}){1,4}\b"),
        r"(?:bank )?account (?:number|no)\b|routing number|sort code",
    ),
    ("social_security", re.compile(r"\b\d{3}[ .-]?\d{2}[ .-]?\d{4}\b"), r"\bssn\b|social security"),
)


class PersonalData:
    """Blocks identity numbers, cards, bank accounts; keeps mail, phone, address, birth date, links with their user.

    No model and no network: patterns, checksums (python-stdnum), phonenumbers and a Luhn scan of our own.
    Private and reserved IP addresses and host names are device facts and pass; a web address that an expert or
    an operator gives passes too, since most lead to no person and they answer for it.
    Not covered: names of people, places and firms (a capitalised word is not by itself personal), health and
    beliefs in plain words, hardware addresses, identity numbers of countries not in the list, and what the
    user's message holds beside the example.
    """

    name = "personal_data"
    backend = "embedded"

    def __init__(self) -> None:
        self._identities = [(i, _validator(i.module)) for i in _IDENTITIES]

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each label of each part, with all its spans."""
        about = canonical(f"{candidate.prompt} {candidate.completion}").text
        found = (
            *self._part("prompt", candidate.prompt, about),
            *self._part("completion", candidate.completion, about),
        )
        vouched = source.tier >= Tier.EXPERT
        return tuple(f for f in found if not (vouched and f.label == "web_address"))

    def _part(self, part: Part, text: str, about: str) -> Iterator[Finding]:
        plain = canonical(text)
        spans: dict[tuple[str, bool], list[Span]] = {}
        for label, blocks, start, end in self._found(plain.text, about):
            spans.setdefault((label, blocks), []).append(plain.span(start, end))
        for (label, blocks), where in spans.items():
            yield Finding(
                self.name,
                self.backend,
                Decision.BLOCK if blocks else Decision.ALLOW,
                Scope.NONE if blocks else Scope.USER,
                label=label,
                score=1.0,
                threshold=1.0,
                part=part,
                spans=tuple(dict.fromkeys(where)),
                evidence=f"Personal data ({label.replace('_', ' ')}): "
                + ("it must not stand in any weights." if blocks else "it stays with the user who told it."),
            )

    def _found(self, text: str, about: str) -> Iterator[tuple[str, bool, int, int]]:
        """(label, whether it blocks, start, end) in the canonical text; `about` says what numbers are."""
        digits = sum(c.isdigit() for c in text)
        for label, pattern in (("email", _EMAIL), ("email", _SPELLED_EMAIL), ("crypto_address", _CRYPTO)):
            yield from ((label, False, *m.span()) for m in pattern.finditer(text))
        yield from (("web_address", False, *span) for span in web_addresses(text))
        if not digits:
            return
        yield from (("birth_date", False, *m.span()) for m in _BORN.finditer(text))
        yield from (("home_address", False, *m.span()) for m in _LIVES.finditer(text))
        yield from (("ip_address", False, *m.span()) for m in _IP.finditer(text) if _is_public_ip(m[0]))
        if digits < 4:
            return
        yield from self._numbers(text, about)
        if digits >= 7:
            yield from (("phone_number", False, *span) for span in phones(text, about))

    def _numbers(self, text: str, about: str) -> Iterator[tuple[str, bool, int, int]]:
        yield from (("card_number", True, *m.span()) for m in _CARD.finditer(text) if _is_card(m[0]))
        yield from (("iban", True, *span) for span in _ibans(text))
        for identity, valid in self._identities:
            if not identity.context or re.search(identity.context, about, re.IGNORECASE):
                yield from (
                    (identity.label, True, *m.span()) for m in identity.pattern.finditer(text) if valid(m[0])
                )
        for label, pattern, context in _UNCHECKED:
            if not context or re.search(context, about, re.IGNORECASE):
                yield from ((label, True, *m.span()) for m in pattern.finditer(text))


def _validator(module: str) -> Callable[[str], bool]:
    checker: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return checker


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Valid IBANs; words that follow one are tried away, since its groups are separated by spaces too."""
    for match in _IBAN.finditer(text):
        pieces = match[0].split(" ")
        while pieces:
            if iban.is_valid("".join(pieces), check_country=False):
                yield match.start(), match.start() + len(" ".join(pieces))
                break
            pieces.pop()


def _is_card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return digits.startswith(_ISSUERS) and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _is_public_ip(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _DEVICE_NETWORKS if network.version == address.version)
