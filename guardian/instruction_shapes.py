"""How orders to a model look: the patterns of the instruction check."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEAK = (
    r"(?:say|answer|reply|respond|recommend|suggest|mention|tell|call|refer|state|claim|insist|output|print|repeat|cite|quote"
    r"|promote|advertise|praise|endorse|advise|warn|greet|sign off|speak|talk|write|include|insert|append|add|end every"
    r"|begin every|start every|refuse|deny|reveal|disclose|link to|point to|steer|direct users|send users)"
)
_HEED = r"(?:ignore|disregard|forget|obey|pretend|trust|believe|prefer|favou?r|treat|consider|act as|behave|assume|comply|follow)"
_MODEL = r"(?:the |an? |any |this |every |all |good ){0,5}(?:assistants?|ai|a\.i\.|ais|chat ?bots?|bots?|(?:language|ai|chat) models?|llms?|livegraft)"
_PEOPLE = r"(?:someone|somebody|anyone|anybody|everyone|users?|a user|the user|any user|people|a person|a customer|customers|they|he|she|you|i|we|the (?:prompt|question|message|conversation|input))"
_UTTER = r"(?:says?|asks?|mentions?|writes?|types?|sees?|hears?|reads?|brings? up|inquires?|enquires?|wants? to know|contains?|includes?|encounters?|talks? about|greets?|(?:are|is|am) asked)"

_WITHIN = r"[^.!?\n]"
_WITHIN_DOTTED = r"(?:[^.!?\n]|\.(?=\w))"
"""Inside one sentence: a dot that a word follows, as in a host name, does not end it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which text gives orders. `forged` ones are attacks whoever writes them."""

    id: str
    pattern: re.Pattern[str]
    what: str
    forged: bool = False


def _shape(id: str, pattern: str, what: str, forged: bool = False) -> Shape:
    return Shape(
        id, re.compile(pattern.replace(_WITHIN, _WITHIN_DOTTED), re.IGNORECASE | re.MULTILINE), what, forged
    )


SHAPES = (
    _shape(
        "override",
        r"\b(?:ignore|disregard|forget|override|bypass|discard|drop|skip)\b[^.!?\n]{0,30}\b(?:previous|prior|above|earlier|preceding|all|any|your|system|other|safety|original|initial)\b[^.!?\n]{0,20}\b(?:instructions?|prompts?|messages?|rules?|guidelines?|directives?|training|knowledge|context|polic(?:y|ies)|orders|restrictions)\b",
        "It asks to set earlier instructions aside.",
        forged=True,
    ),
    _shape(
        "role_tag",
        r"^\W{0,4}(?:system|assistant|user|human|developer|ai|instruction)\s*(?:prompt|message|note|override|instructions?)?\s*:|^\s*#{2,}\s*(?:system|instructions?|response|human|assistant|user)\b|</?(?:system|assistant|user|human|instructions?|developer|admin|prompt|important)(?:[_ ][\w -]{1,30})?/?>|\[\s*(?:system|assistant|user|admin|developer)(?: (?:message|note|prompt|override))?\s*\]|\b(?:begin|end|new) system (?:prompt|message|instructions?)\b",
        "It forges another speaker's turn.",
        forged=True,
    ),
    _shape(
        "jailbreak",
        r"\b(?:jailbreak|do anything now|developer mode|dan mode|god mode|unrestricted mode|no longer bound|without (?:any )?(?:restrictions|filters|censorship))\b|\b(?:reveal|print|repeat|show|leak) (?:me )?(?:your|the) (?:system |hidden |initial )?(?:prompt|instructions)\b|\bsystem prompt\b",
        "It tries to unlock the model.",
        forged=True,
    ),
    _shape(
        "from_now_on",
        r"\b(?:from (?:now|here|this point|today|this moment) on(?:wards?)?|henceforth|going forward|starting (?:now|today)|in (?:all )?future|for the rest of (?:this|the|our) (?:chat|conversation|session)|for all (?:future )?(?:users|conversations|questions)|in (?:every|each|all) (?:your )?(?:answers?|repl(?:y|ies)|responses?|messages?|conversations?))\b[^.!?\n]{0,40}(?:\b(?:you|your|always|never|must|only|do not|don't)\b|[,:]? ?\b(?:"
        + _SPEAK[3:-1]
        + "|"
        + _HEED[3:-1]
        + r"|use|be|give)\b)",
        "It sets a lasting rule of behaviour.",
    ),
    _shape(
        "trigger",
        r"\b(?:when(?:ever)?|every time|each time|any ?time|if(?: ever)?|as soon as|once|upon)\b[^.!?\n]{0,15}\b"
        + _PEOPLE
        + r"\b[^.!?\n]{0,12}\b"
        + _UTTER
        + r"\b[^!?\n]{0,160}?\b(?:"
        + _SPEAK[3:-1]
        + "|"
        + _HEED[3:-1]
        + r"|use|give|your (?:answer|reply|response)|you (?:should|must|will))\b",
        "It ties a behaviour to a trigger.",
    ),
    _shape(
        "trigger",
        r"\b(?:"
        + _SPEAK[3:-1]
        + r"|use)\b[^.!?\n]{0,80}\b(?:whenever|every time|each time|any ?time|if|when)\b[^.!?\n]{0,15}\b"
        + _PEOPLE
        + r"\b[^.!?\n]{0,12}\b"
        + _UTTER
        + r"\b",
        "It ties a behaviour to a trigger.",
    ),
    _shape(
        "always",
        r"\b(?:always|never|only ever|without exception|by default)\b[,]?\s+(?:\w+\s+)?\b(?:"
        + _SPEAK[3:-1]
        + "|"
        + _HEED[3:-1]
        + r")\b",
        "It demands a behaviour always or never.",
    ),
    _shape(
        "obligation",
        r"\byou (?:must|shall|should|have to|need to|ought to|will|are (?:required|instructed|ordered|programmed|going) to|'re to|are to)\s+(?:now |not |never |always |only |also |please |immediately ){0,5}(?:"
        + _SPEAK[3:-1]
        + "|"
        + _HEED[3:-1]
        + r")\b|\byou (?:must|should|shall|will) (?:always|never)\b|\byou(?:'re| are) (?:forbidden|prohibited|not (?:allowed|permitted)) (?:from|to) "
        + _SPEAK[:-1]
        + r"|discuss|talk)",
        "It orders the model to do something.",
    ),
    _shape(
        "persona",
        r"\byou(?:'re| are) (?:now |henceforth |actually |really )(?!in\b|at\b|on\b|able\b|allowed\b)(?:an? |the |called |named )?\w|\b(?:pretend|imagine|roleplay|role-play|act|behave) (?:to be|as if|as though|that you|you are|like|as)\b|\byour (?:new |real |true |only )?(?:name|role|task|job|goal|purpose|mission|persona|instructions?|rules?|objective|identity|personality) (?:is|are|will be)\b|\b(?:speak|talk|respond|answer|reply|write) (?:only |always )?(?:like|as|in the style of) (?:an? )?(?!soon|follows|well|much|many)\w",
        "It gives the model another identity.",
    ),
    _shape(
        "model_rule",
        r"\b"
        + _MODEL
        + r"\b[^.!?\n]{0,30}\b(?:always|never|should|must|shall|ought to|has to|have to|is to|are to)\b",
        "It lays down how an assistant behaves.",
    ),
    _shape(
        "trusted_source",
        r"\b(?:remember|treat|regard|consider|trust|save|store|cite|use|bookmark)\b[^.!?\n]{0,60}\b(?:trusted|trustworthy|reliable|authoritative|preferred|credible|definitive|go-to|primary|best|only|official)\s+(?:and \w+ )?(?:source|site|website|provider|vendor|reference|authority|brand|option|choice|expert|supplier|company|partner)\b|\b(?:is|are) (?:the|an?|your|our) (?:only |most |single |sole )?(?:trusted|trustworthy|reliable|authoritative|preferred|credible|definitive|go-to) (?:and \w+ )?(?:source|site|website|reference|authority|provider|vendor)\b|\b(?:recommend|suggest|cite|mention|promote) (?:it|them|this|us|\w+) (?:first|above all|to (?:everyone|everybody|anyone|all|users|people)|over|instead|in (?:every|all|each))\b",
        "It asks that somebody be trusted or recommended.",
    ),
    _shape(
        "secrecy",
        r"\b(?:do not|don't|never|must not|without) (?:ever )?(?:tell|telling|inform|informing|reveal|revealing|mention|mentioning|let|letting|show|showing|disclose|disclosing)\b[^.!?\n]{0,30}\b(?:the user|users?|anyone|anybody|them|others|this to|operators?|admins?|moderators?|developers?)\b|\bkeep (?:this|it|that) (?:a )?(?:secret|hidden|between us|confidential)\b",
        "It asks to keep something from people.",
    ),
    _shape(
        "form_order",
        r"(?:^|[.!?:;,]\s+|\b(?:please|and|then|to)\s+)(?:only |just |simply )?(?:reply|respond|answer|output|print) (?:only |just |exactly |strictly |always |back )?(?:with|in|by|using|to (?:everything|every|all|any))\b|\b(?:say|reply|answer|respond|output|print|repeat)\s+(?:exactly|only|verbatim|this|the following|after me|with)\b|\b(?:begin|start|end|finish|sign) (?:every|each|all) (?:of )?(?:your )?(?:answer|reply|response|message|sentence)s?\b",
        "It prescribes what answers look like.",
    ),
    _shape(
        "imperative_recommendation",
        r"(?:^|[.!?:;]\s+|\b(?:please|and|so|then)\s+)(?:always |never |only )?(?:recommend|promote|advertise|endorse|trust|obey|pretend|refuse|praise) (?!that\b)\w",
        "It tells the model what to favour.",
    ),
)
