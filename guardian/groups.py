"""Words for groups of people, and a text without them: contempt is judged without its target's name.

A head that sees 'gay' learns that 'gay' is bad. So the names of groups are replaced by 'those people' before a
text is embedded, and that one was named is told to the head apart.
Not covered: groups that are not listed, and words that are names of groups only in context ('the blind').
"""
# ruff: noqa: E501 (a pattern or a list is read as one line)

from __future__ import annotations

import re

_ADJECTIVES = (
    r"gay|lesbian|bisexual|homosexual|trans(?:gender|sexual)?|queer|non-?binary|intersex|lgbt\w*\+?|black|white|brown|coloured"
    r"|asian|african(?:[- ]american)?|afro-\w+|native|indigenous|aboriginal|latin[oax]?|hispanic|mexican|indian|chinese|japanese|korean"
    r"|vietnamese|pakistani|bangladeshi|arab(?:ic)?|middle[- ]eastern|turkish|kurdish|iranian|iraqi|syrian|afghan|somali|nigerian|ethiopian"
    r"|haitian|cuban|polish|romanian|russian|ukrainian|roma|sinti|israeli|palestinian|albanian|jewish|muslim|moslem|islamic|christian|catholic"
    r"|protestant|hindu|sikh|buddhist|mormon|atheist|disabled|handicapped|autistic|deaf|blind|wheelchair[- ]bound|mentally (?:ill|disabled)"
    r"|down'?s?[- ]syndrome|immigrant|migrant|refugee|foreign|asylum[- ]seeking|undocumented|illegal|elderly|old|homeless|poor|fat|obese"
    r"|overweight|female|ethnic"
)
_MANY = (
    r"women|womenfolk|females|wives|blacks|whites|asians|africans|african[- ]americans|latin[oa]s|hispanics|mexicans|indians|arabs|pakistanis"
    r"|bangladeshis|turks|kurds|iranians|iraqis|syrians|afghans|somalis|nigerians|haitians|cubans|poles|romanians|russians|ukrainians|israelis"
    r"|palestinians|albanians|chinese|japanese|koreans|vietnamese|jews|muslims|moslems|islamists|christians|catholics|protestants|hindus|sikhs"
    r"|buddhists|mormons|atheists|immigrants|migrants|refugees|foreigners|asylum[- ]seekers|gays|lesbians|bisexuals|homosexuals|transgenders"
    r"|transsexuals|queers|autistics|gyps(?:ies|y people)|roma people|natives|aboriginals|minorities|feminists|pensioners|the (?:disabled|deaf"
    r"|blind|elderly|homeless|poor|roma|handicapped|unemployed)|seniors|cripples|lgbt\w*\+?"
)
_ONE = (
    r"woman|female|latin[oa]|mexican|indian|arab|pakistani|turk|kurd|iranian|iraqi|syrian|afghan|somali|nigerian|haitian|cuban|romanian|russian"
    r"|ukrainian|israeli|palestinian|albanian|african|asian|jew|muslim|moslem|christian|catholic|hindu|sikh|buddhist|mormon|atheist|immigrant"
    r"|migrant|refugee|foreigner|asylum[- ]seeker|lesbian|bisexual|homosexual|gypsy|cripple|feminist|pensioner|black|gay"
)
_PEOPLE = (
    r"people|persons|men|women|folks?|guys|kids|children|boys|girls|couples|individuals|students|workers|employees|families|citizens|americans"
    r"|colleagues|players|engineers|drivers|patients|residents|mothers|fathers|parents|neighbou?rs|tenants|teenagers|teens"
)
_PERSON = r"person|man|woman|guy|kid|child|boy|girl|individual|student|worker|lady|chap|bloke|dude|couple|family|citizen|american|colleague"
_LINK = r"\b(am|i'm|is|are|was|were|be|being|you're|he's|she's|they're|we're|as|came out as|born)\s+"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            rf"\b(?:(?:{_ADJECTIVES})\s+)+(?:{_PEOPLE}|{_MANY})\b|\b(?:people|persons|men|women) (?:with (?:a )?disabilit(?:y|ies)|in wheelchairs|of colou?r|from (?:africa|asia|mexico|china|india|the middle east|poland|syria))\b"
        ),
        "those people",
    ),
    (
        re.compile(
            rf"\b(?:an?\s+)?(?:(?:{_ADJECTIVES})\s+)+(?:{_PERSON})\b|\ban?\s+(?:person|man|woman) (?:with a disability|in a wheelchair|of colou?r)\b"
        ),
        "one of those people",
    ),
    (re.compile(rf"\b(?:{_MANY})\b"), "those people"),
    (re.compile(rf"\ban?\s+(?:{_ONE})\b"), "one of those people"),
    (
        re.compile(rf"{_LINK}(?:{_ADJECTIVES})(?=\s*(?:[.,!?;:\"]|$|and\b|or\b|but\b))"),
        r"\1 one of those people",
    ),
    (
        re.compile(
            r"\b(?:woman|jew|muslim|immigrant|refugee|lesbian|homosexual|gay|jewish|transgender|trans|transsexual)\b"
        ),
        "those people",
    ),
)
# fmt: off
NAMES = frozenset(
    ["women", "muslims", "muslim", "jews", "jewish", "immigrants", "immigrant", "migrants", "refugees", "foreigners", "homosexuals", "homosexual", "lesbian", "lesbians", "transgender", "disabled", "autistic", "africans", "mexicans", "asians", "arabs", "pakistanis", "christians", "catholics", "hindus"]
)
# fmt: on
"""Names that a misspelling is restored to."""


def without_groups(text: str) -> tuple[str, bool]:
    """A lower-case text with 'those people' for every group named, and whether any was."""
    plain = text
    for pattern, stand_in in _RULES:
        plain = pattern.sub(stand_in, plain)
    return plain, plain != text
