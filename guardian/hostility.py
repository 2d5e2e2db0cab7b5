"""Explicit patterns of threats and dehumanisation, matched against folded text.

They catch what a classifier trained on swear words does not see ("people like them are vermin"). Each needs a
person or group as its target, so that processes may be killed and weeds exterminated.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re

_GROUP = (
    r"(?:women|woman|men|girls?|females?|blacks?|whites?|asians?|africans?|mexicans?|latin[oa]s?|hispanics?|indians?|chinese|arabs?|muslims?|moslems?|islamists?"
    r"|jews?|jewish|christians?|catholics?|hindus?|sikhs?|atheists?|immigrants?|migrants?|refugees?|foreigners?|asylum seekers?|gays?|lesbians?|homosexuals?|bisexuals?"
    r"|trans|transgenders?|queers?|lgbt\w*|disabled|autistics?|deaf|blind|cripples?|gyps(?:y|ies)|roma|poles|turks|russians|ukrainians|americans|europeans|israelis|palestinians"
    r"|kurds|poor|homeless|elderly|fat|natives?|aborigin\w+|pakistanis?|somalis?|nigerians?|haitians?|romanians?)"
)
_PEOPLE = r"(?:people|persons?|men|women|folks|guys|kids|children|couples?)"
_TARGET = (
    r"(?:(?:all|every|those|these|most|any|the|you|such|disabled|black|white|brown|gay|trans|jewish|muslim|asian|foreign|poor|old)\s+){0,3}(?:"
    + _GROUP
    + r"(?:\s+"
    + _PEOPLE
    + r")?|(?:\w+\s+)?"
    + _PEOPLE
    + r"\s+(?:like (?:you|them|that|him|her)|of (?:that|their|your) (?:kind|race|religion|colou?r)))"
)
_PRONOUN = r"(?:you|u|him|her|them|your (?:family|kids?|children|wife|husband|mother|father|kind)|these people|those people|their (?:kind|families))"
_VERMIN = (
    r"(?:vermin|cockroach(?:es)?|rats?|parasites?|lice|maggots?|animals?|apes?|monkeys?|dogs|pigs?|insects?|pests?|leech(?:es)?|scum|filth|trash|garbage|disease|diseased|plague|cancer|virus"
    r"|infestation|sub-?human|subhumans?|savages?|barbarians?|degenerates?|abominations?|inferior|worthless|disgusting|evil|demons?|criminals|terrorists|rapists|thieves|stupid|dumb|retarded|mentally ill|sick"
    r"|less than human|not (?:even )?(?:human|people|human beings|real people|fully human)|unworthy|waste of (?:space|oxygen|air))"
)
_KILL = (
    r"(?:kill|murder|slaughter|shoot|stab|strangle|behead|hang|lynch|gas|burn|exterminate|eradicate|eliminate|annihilate|execute|rape|beat|hurt|torture|bomb|crush|cleanse|wipe out|get rid of|purge|attack|poison"
    r"|choke|drown|skin|butcher|hunt down|put down)"
)
_HARMED = r"(?:killed|murdered|slaughtered|shot|stabbed|strangled|beheaded|hanged|lynched|gassed|burned|burnt|exterminated|eradicated|eliminated|annihilated|executed|raped|beaten|tortured|bombed|crushed|cleansed|wiped out|purged|put down|sterili[sz]ed|deported|locked up|enslaved|shipped (?:off|back))"
_SCORN = r"fucking|fuckin|bloody|goddamn|stupid|dumb|dirty|filthy|worthless|pathetic|ugly|useless|disgusting"

_ROLE = (
    r"(?:the|our|this|that|my|your|every|all) (?:\w+ )?(?:mayor|president|chancellor|king|queen|minister|senator|governor|judge|teacher|doctor|nurse|boss|manager|director|neighbou?r|landlord"
    r"|journalist|reporter|politician|police(?:man|woman)?|officer|cop|priest|imam|rabbi|student|child|baby|mother|father|sister|brother|wife|husband)s?(?: (?:of|from|in|at) (?:the )?\w+(?: \w+)?)?"
)

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (label, re.compile(pattern))
    for label, pattern in (
        (
            "threat",
            r"\b(?:i|we|somebody|someone)(?:'ll| will| shall|'m going to| am going to| are going to|'re going to| gonna|'m gonna| want to| wanna| would love to| hope to| should| must| need to| have to) (?:\w+ ){0,2}?"
            + _KILL
            + r"\b (?:all (?:of )?|every )?(?:"
            + _PRONOUN
            + r"|"
            + _TARGET
            + r")\b",
        ),
        (
            "threat",
            r"\b(?:i|we) (?:will|'ll|shall|am going to|'m going to|are going to|know where) (?:find (?:you|out where you live)|come for you|make you (?:pay|suffer|regret)|end you(?:r life)?|you (?:live|sleep))\b|\bi(?:'ll| will) be waiting for you\b",
        ),
        (
            "threat",
            r"\b(?:you|they|he|she|"
            + _TARGET
            + r")(?:'re| are| is)? (?:(?:all|really|just|simply) )?(?:should|must|deserve to|need to|ought to|had better|have to|'ll|will|going to|better) (?:all |just |really |go )?(?:die|be "
            + _HARMED
            + r"|burn in hell|rot|suffer|kill (?:yourself|themselves)|get (?:"
            + _HARMED
            + r"))\b",
        ),
        (
            "threat",
            r"\b(?:kill|hang|shoot|hurt|off) yoursel(?:f|ves)\b|\bkys\b|\bgo die\b|\bdrop dead\b|\bhope (?:you|they|he|she) (?:all )?(?:die|dies|rot|suffer|get (?:cancer|"
            + _HARMED
            + r"))\b|\bwatch your back\b|\byou(?:'re| are) (?:a )?dead (?:man|woman|meat)\b|\bsleep with (?:one|your) eyes? open\b",
        ),
        (
            "incitement",
            r"(?:^|[.!?,:;]\s+|\b(?:let's|let us|please|should|must|to|just|gotta|and) )"
            + _KILL
            + r" (?:all |every |the |those |these |any ){0,5}(?:of )?(?:the |those |these ){0,5}"
            + _GROUP
            + r"\b",
        ),
        (
            "incitement",
            r"\bdeath to (?:all |the )?"
            + _GROUP
            + r"\b|\b(?:white|black|aryan) (?:power|supremacy is)\b|\bheil hitler\b|\bsieg heil\b|\bgas the\b|\b(?:hitler|the holocaust|slavery|the nazis?|genocide|lynching) (?:was|were|is) (?:right|good|great|justified|necessary|a good thing|not real|a hoax|a lie|fake)\b|\bethnic cleansing (?:is|was) (?:good|right|necessary)\b",
        ),
        (
            "dehumanisation",
            r"\b"
            + _TARGET
            + r" (?:are|r|is|is just|were) (?:(?:all|just|nothing but|basically|really|truly|only|like|a|an|the|such|pure|no better than|worse than|bunch of|pack of|clearly|simply|so|naturally|genetically|inherently|always) ){0,5}"
            + _VERMIN
            + r"\b",
        ),
        (
            "dehumanisation",
            r"\byou (?:people |all )?(?:are|r) (?:(?:all|just|nothing but|basically|really|truly|only|like|a|an|the|such|no better than|worse than|bunch of|pack of) ){0,5}(?:vermin|cockroach(?:es)?|parasites?|scum|filth|trash|garbage|a disease|disease|plague|cancer|sub-?human|subhumans?|worthless|disgusting|retarded|waste of (?:space|oxygen|air)|not human|inferior|pathetic|idiots?|morons?|stupid|dumb|imbeciles?)\b",
        ),
        (
            "abuse",
            r"\b(?:you|u|(?:he|she|they|\w+)(?:'s| is| are)(?: an?| such an?)?)(?:'re| are| r)? (?:(?:a|an|such|all|just|really|the|bunch of|total|complete|absolute) ){0,4}a?(?:"
            + _SCORN
            + r") (?:"
            + _SCORN
            + r"|little|fat|old| ){0,5}(?:idiots?|morons?|imbeciles?|cretins?|assholes?|dickheads?|cunts?|bitch(?:es)?|whores?|sluts?|scum|losers?|retards?|pigs?|cows?)\b",
        ),
        (
            "threat",
            r"\b"
            + _ROLE
            + r"(?: (?:is|are) (?:an? )?\w+(?: \w+)? and)? (?:should|must|deserves? to|ought to|needs? to|has to|have to) (?:die|be "
            + _HARMED
            + r"|burn in hell|rot)\b",
        ),
        (
            "dehumanisation",
            r"\b"
            + _ROLE
            + r" (?:is|are) (?:(?:just|nothing but|an?|the|no better than) ){0,3}(?:vermin|cockroach(?:es)?|rats?|parasites?|maggots?|leech(?:es)?|scum|filth|trash|diseases?|plague|cancer|subhumans?)(?! (?:research|control|treatment|ward|unit|specialist|expert|doctor|free)\w*)\b",
        ),
        (
            "hatred",
            r"\b(?:i|we|everyone|everybody) (?:really |truly |just |fucking |absolutely |all ){0,5}(?:hate|despise|loathe|detest|can't stand|cannot stand)s? (?:all |every |those |these |the |being around ){0,5}(?:fucking |damn |stupid ){0,5}"
            + _TARGET
            + r"\b",
        ),
        (
            "hatred",
            r"\b"
            + _TARGET
            + r" (?:should|must|ought to|need to|deserve to|have to|do not deserve to|don't deserve to|should not|shouldn't|must not|can't|cannot) (?:(?:all|never|not|ever) )?(?:be (?:allowed|banned|silenced|segregated|removed|expelled|kicked out|banished)|have (?:no |any |the same )?rights|vote|exist|breed|reproduce|live|leave|go back|stay in the kitchen|disappear)\b",
        ),
        (
            "hatred",
            r"\b(?:no|not a single|never trust an?|get rid of|too many|ban all|deport all|hate all|keep out) "
            + _GROUP
            + r"\b(?: (?:people|deserves?|are|is|should|in (?:this|our)))?|\b(?:go|get|send (?:them|you)) back (?:to|where) (?:\w+ ){0,3}(?:came from|country|africa|mexico|china)\b",
        ),
    )
)

HARMLESS_TERMS = re.compile(
    r"\b(?:gays?|lesbians?|homosexuals?|bisexuals?|transgender|trans|queer|lgbtq?\+?|blacks?|muslims?|jews?|jewish|islam(?:ic)?|christians?|catholics?|hindus?|arabs?|asians?|africans?|mexicans?"
    r"|immigrants?|refugees?|women|woman|men|females?|males?|girls?|disabled|deaf|blind|autistic|white|straight|kill|kills|killed|killing|execut(?:e|es|ed|ing)|terminat(?:e|es|ed|ing)|abort(?:s|ed)?|shoots?|shooting)\b",
    re.IGNORECASE,
)
"""Words for people and for ending things that the bundled classifier takes for abuse: it is asked about the
text without them. Threats and contempt that use them are matched by PATTERNS."""


def hostile(text: str) -> str:
    """The label of the first pattern in a folded text, '' for none."""
    return next((label for label, pattern in PATTERNS if pattern.search(text)), "")
