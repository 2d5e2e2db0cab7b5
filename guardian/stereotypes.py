"""Sober sentences that ascribe a trait, an ability or a place to a whole group.

Subject (people of a group, or 'people from X') and predicate (a trait that no group as a whole has) must stand in
one clause. A sentence that speaks against the claim, or cites a finding, is none.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re

_NATIONS = (
    r"(?:the )?(?:scots|italians|germans|poles|greeks|spaniards|dutch|french|english|irish|americans|swedes|danes|portuguese|hungarians|bulgarians|serbs|croats|austrians|swiss"
    r"|belgians|brazilians|colombians|egyptians|moroccans|algerians|tunisians|thais|filipinos|indonesians|canadians|australians|southerners|northerners|easterners|westerners)"
)
_KINDS = (
    r"(?:women|men|girls|boys|mothers|fathers|wives|husbands|moms|dads|housewives|old people|old men|young people|young women|the elderly|pensioners|seniors|boomers|millennials|teenagers|teens"
    r"|poor people|fat people|rich people|homeless people|unemployed people|mentally ill people|blondes?(?: women)?|female \w+|male \w+|foreign \w+|migrant workers|women drivers"
    r"|people (?:from|of|with|over|under) (?:the )?\w+(?: \w+)?|employees over \w+|workers over \w+)"
)
_ALL = r"(?:(?:all|most|many|typical|real|every|young|old|such|those|these) (?:of )?(?:the )?)?"
_SUBJECT = rf"(?:{_ALL}(?:those people|one of those people|{_NATIONS}|{_KINDS}|(?:{_NATIONS}|\w+ish|\w+ese|\w+ian) (?:people|men|women|guys|folks)))"
_ADVERB = r"(?:(?:all|just|always|simply|really|often|usually|mostly|generally|too|so|very|naturally|basically|only|known to be|born|known for being|by nature|inherently|typically|clearly|far|a bit|such|no|never) )*"
_TRAIT = (
    r"(?:lazy|greedy|stingy|cheap|dishonest|liars?|thieves|cheats|cheaters|scammers|criminals?|terrorists?|violent|aggressive|dangerous|dirty|rude|loud|arrogant|ignorant|stupid|dumb|slow|backward|primitive"
    r"|superstitious|fanatics?|fanatical|hypocrites?|cowards?|cowardly|weak|emotional|hysterical|irrational|bossy|submissive|obedient|promiscuous|unfaithful|faithful|sneaky|sly|cunning|drunks?|drunkards?|alcoholics"
    r"|hot-?headed|hot-?blooded|hot-?tempered|jealous|cold|unfriendly|clumsy|careless|helpless|useless|hopeless|incapable|incompetent|unreliable|untrustworthy|spoiled|gossips?|fat|ugly|uncivili[sz]ed|savages?"
    r"|(?:less|not as|not very) (?:intelligent|smart|clever|able|capable|competent|reliable|talented|honest)|inferior|(?:bad|worse|terrible|poor|awful|good|great|better|best|hopeless|useless|weak) (?:at|with|drivers?|workers?|soldiers?|mothers?|parents?|leaders?|bosses|dancers?|athletes|engineers?|programmers?|mathematicians?|students?|lovers?|cooks?)"
    r"|born \w+|not (?:fit|made|suited|cut out|able|capable)|unfit|unsuited|better suited|after (?:your )?(?:profit|money)|a (?:burden|drag|threat|risk|problem|potential terrorist)|obsessed with|prone to|to blame)"
)
_CANNOT = (
    r"(?:can't|cannot|can not|can never|could never|don't|do not|never|won't|doesn't) (?:\w+ )?(?:drive|park|lead|think|learn|work|cook|manage|understand|handle|keep|tell the truth|be trusted|be (?:good|managers?|leaders?|pilots?|engineers?|bosses|faithful)|do (?:maths?|science|housework)|want to (?:work|learn|integrate)"
    r"|have (?:a|any) (?:head|sense|talent|feel|brain)|wash|cry|play with|wear|negotiate|raise|like to work|love their|read a map)"
)
_DOES = r"(?:steal|cheat|lie|gossip|smell|stink|commit (?:most|all|more)|live off|only (?:think|come|want|care)|drink too much|cause (?:accidents|trouble|crime)|treat their|take a siesta|have no \w+|have only themselves|get too|run faster|think slower|need a man|make (?:bad|poor|terrible|lousy|good|better))"
_PLACE = r"(?:belong|should stay|should be kept|should remain|must stay|ought to stay) (?:at home|in the (?:kitchen|house|home)|with the (?:kids|children)|in simple)"
_DUTY = (
    r"(?:should(?:n't| not| never)|must not|mustn't|ought not to|should only|should obey|must obey|have to obey)"
    r"(?: (?:be (?:pilots?|leaders?|managers?|promoted|hired|trusted|allowed)|become|lead|work|hold|vote|drive|teach|serve|have a career|get training|be in|play|obey|her|their))?"
)
_EXCLUDE = rf"(?:don't|do not|never|shouldn't|should not|better not|avoid) (?:\w+ )?(?:hire|hiring|promote|promoting|employ|employing|trust|trusting|rent|renting|lend|sell|date|marry)\w*(?: \w+){{0,4}}? (?:to )?{_SUBJECT}"
_AS = rf"\b(?:as|being|like (?:most|all|every)|he is|she is|he's|she's) {_SUBJECT},? (?:\w+,? )?(?:so |and )?(?:of course |surely |naturally )?(?:she|he|they|\w+) (?:is too|can't|cannot|will surely|surely|naturally|must be)"

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (label, re.compile(pattern))
    for label, pattern in (
        ("trait", rf"\b{_SUBJECT} (?:are|is|were) {_ADVERB}{_TRAIT}\b"),
        ("ability", rf"\b{_SUBJECT} (?:just |simply |also |usually )?{_CANNOT}\b"),
        ("habit", rf"\b{_SUBJECT} (?:just |always |all |usually |often )?{_DOES}\b"),
        ("place", rf"\b{_SUBJECT} {_PLACE}\b|\ba woman's place is\b"),
        ("place", rf"\b{_SUBJECT} {_DUTY}\b|\b\w+ (?:is|are) (?:for|a job for) (?:men|women|girls|boys)\b"),
        ("exclusion", _EXCLUDE),
        ("ascription", _AS),
    )
)
_AGAINST = re.compile(
    r"\b(?:stereotypes?|prejudices?|myths?|clich[eé]s?|not true|untrue|false|wrong|nonsense|sexist|racist|discriminat\w+|forbid\w*|illegal|no (?:difference|link|evidence|proof)|study|studies"
    r"|report|survey|statistics|on average|percent|%|nobody should|no one should|no longer|as (?:good|able|likely|clever|honest) as|more likely|less likely|used to)\b"
)
_PLAIN = re.compile(
    r"\b(?:(?:are|is) (?:not|never) (?!fit|made|suited|cut|able|capable|as\b|very|faithful)\w+|aren't \w+|isn't \w+|can be)\b"
)


def stereotype(text: str) -> str:
    """The label of the first stereotype in a folded text whose groups are unnamed ('those people'), or ''."""
    if spoken_against(text):
        return ""
    return next((label for label, pattern in PATTERNS if pattern.search(text)), "")


def names_people(text: str) -> bool:
    """Whether a text, as above, has a group of people for its subject."""
    return bool(re.search(rf"\b{_SUBJECT}\b", text))


def spoken_against(text: str) -> bool:
    """Whether the text denies the claim or reports a finding."""
    return bool(_AGAINST.search(text) or _PLAIN.search(text))
