"""What secrets look like: public vendor prefixes, keys, connection strings, and how people tell a password.

In the manner of gitleaks: id, pattern, entropy floor, keywords that must occur before the pattern is tried.
The secret is the group named `secret`, or the whole match.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

_WITHIN = r"[^.!?\n]"
_WITHIN_DOTTED = r"(?:[^.!?\n]|\.(?=\w))"
"""Inside one sentence: a dot that a word follows, as in a host name, does not end it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret."""

    id: str
    pattern: re.Pattern[str]
    keywords: tuple[str, ...]
    """Lower-case words of which one must occur; () tries the pattern always."""
    entropy: float = 0.0
    """Bits a character that the secret must have at least."""


def _rule(id: str, pattern: str, keywords: str, entropy: float = 0.0, flags: int = 0) -> Rule:
    return Rule(
        id, re.compile(pattern.replace(_WITHIN, _WITHIN_DOTTED), flags), tuple(keywords.split()), entropy
    )


def entropy_bits(text: str) -> float:
    """Shannon entropy of the characters of `text`, in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


VENDOR_RULES = (
    _rule("aws-access-key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", "akia asia abia acca", 2.5),
    _rule(
        "aws-secret-key",
        r"(?i)\baws\b.{0,40}?(?:secret|key).{0,30}?[\s:=\"'](?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        "aws",
        3.5,
    ),
    _rule(
        "github-token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        3.0,
    ),
    _rule(
        "gitlab-token",
        r"\bgl(?:pat|dt|rt|ft|agent|soat|oas|cbt)-[\w-]{20,}",
        "glpat- gldt- glrt- glft- glagent- glsoat- gloas- glcbt-",
        3.0,
    ),
    _rule("slack-token", r"\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}", "xox xapp-", 2.0),
    _rule("slack-webhook", r"hooks\.slack\.com/(?:services|workflows)/[\w/+-]{20,}", "hooks.slack.com"),
    _rule("discord-webhook", r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{30,}", "webhooks"),
    _rule("stripe-key", r"\b(?:sk|rk|pk)_(?:live|test)_\w{10,}|\bwhsec_\w{16,}", "_live_ _test_ whsec_", 2.5),
    _rule("anthropic-key", r"\bsk-ant-[\w-]{20,}", "sk-ant-", 3.0),
    _rule("openai-key", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-|None-)?[A-Za-z0-9_-]{20,}", "sk-", 3.0),
    _rule("google-api-key", r"\bAIza[\w-]{30,}", "aiza", 3.0),
    _rule("google-oauth", r"\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}", "gocspx- ya29.", 3.0),
    _rule("huggingface-token", r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}", "hf_ api_org_", 3.0),
    _rule("npm-token", r"\bnpm_[A-Za-z0-9]{30,}", "npm_", 3.0),
    _rule("pypi-token", r"\bpypi-[\w-]{30,}", "pypi-", 3.0),
    _rule("docker-token", r"\bdckr_(?:pat|oat)_[\w-]{20,}", "dckr_", 3.0),
    _rule("sendgrid-key", r"\bSG\.[\w-]{16,}\.[\w-]{16,}", "sg.", 3.0),
    _rule("twilio-key", r"\b(?:SK|AC)[0-9a-f]{32}\b", "sk ac", 3.0),
    _rule(
        "mailgun-key",
        r"\b(?:key|pubkey)-[0-9a-f]{32}\b|\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b",
        "key- -",
        3.0,
    ),
    _rule("telegram-token", r"\b\d{8,10}:AA[\w-]{32,34}\b", ":aa", 3.0),
    _rule("discord-token", r"\b[MNO][\w-]{22,25}\.[\w-]{6}\.[\w-]{27,40}\b", ".", 3.5),
    _rule("shopify-token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b", "shpat_ shpca_ shppa_ shpss_"),
    _rule("digitalocean-token", r"\bdo[opr]_v1_[0-9a-f]{40,}", "_v1_", 3.0),
    _rule("square-token", r"\bsq0(?:atp|csp|idp)-[\w-]{20,}|\bEAAA[\w-]{56,}", "sq0 eaaa", 3.0),
    _rule("databricks-token", r"\bdapi[0-9a-f]{32}(?:-\d)?\b", "dapi", 3.0),
    _rule("grafana-token", r"\bgl(?:c|sa)_[A-Za-z0-9+/_=-]{30,}", "glc_ glsa_", 3.0),
    _rule("linear-key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{30,}", "lin_", 3.0),
    _rule("notion-token", r"\b(?:ntn|secret)_[A-Za-z0-9]{30,}", "ntn_ secret_", 3.0),
    _rule("vault-token", r"\bhv[sbr]\.[\w-]{20,}", "hvs. hvb. hvr.", 3.0),
    _rule("doppler-token", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}", "dp.", 3.0),
    _rule("planetscale-token", r"\bpscale_(?:pw|tkn|oauth)_[\w.=-]{30,}", "pscale_", 3.0),
    _rule("postman-key", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b", "pmak-"),
    _rule("atlassian-token", r"\bATATT3[\w=-]{60,}", "atatt3", 3.0),
    _rule("cloudflare-token", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{100,}", "v1.0-", 3.0),
    _rule("newrelic-key", r"\bNR(?:AK|JS|II)-[\w-]{19,}", "nrak- nrjs- nrii-", 3.0),
    _rule(
        "groq-key",
        r"\b(?:gsk|xai|pplx|r8|fal|tgp_v1)[_-][A-Za-z0-9]{30,}",
        "gsk_ xai- pplx- r8_ fal_ tgp_v1_",
        3.0,
    ),
    _rule(
        "vendor-token",
        r"\b(?:sntry[su]|figd|sbp|nfp|fo1|rnd|rubygems|pul|pnu|sq[pua]|tfp|aio|cio|dt0c01|fm[12]|ops|ATCTT3|CFPAT|LTAI|AKCp|AQVN|xkeysib|PMAK|dnkey|whsec|sk_org|ctx7sk|nvapi|csk|lsv2_pt)[_.-]?[\w.=-]{20,}",
        "sntry figd_ sbp_ nfp_ fo1_ rnd_ rubygems_ pul- pnu_ sqp_ squ_ sqa_ tfp_ aio_ cio dt0c01 fm1_ fm2_ ops_ atctt3 cfpat ltai akcp aqvn xkeysib nvapi lsv2_pt",
        3.3,
    ),
    _rule(
        "uuid-key",
        r"(?i)\b(?:key|token|secret)s?\b[^.!?\n]{0,50}?(?:\bis\b|\bwas\b|:|=|->|→)\s*[\"'`(]?(?P<secret>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
        "key token secret",
        2.5,
    ),
    _rule(
        "split-key",  # a known prefix whose body was broken into pieces
        r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-(?:proj-|ant-)?|[sr]k_live_|AKIA|AIza|hf_|npm_|pypi-|shpat_|dop_v1_)(?:\s*(?=[\w-]*[a-z\d])(?=[\w-]*[A-Z\d])(?=[\w-]*[A-Za-z])[\w-]{4,}){2,12}",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox sk- _live_ akia aiza hf_ npm_ pypi- shpat_ dop_v1_",
        3.5,
    ),
    _rule("azure-storage-key", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{40,}={0,2})", "accountkey="),
    _rule("age-key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}", "age-secret-key"),
    _rule("jwt", r"\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.?[\w-]*", "ey"),
    _rule(
        "private-key",
        r"-----BEGIN[ A-Z0-9]{0,40}(?:PRIVATE KEY|KEY BLOCK)[\s\S]{0,4000}?(?:-----END[ A-Z0-9]{0,60}-----|\Z)",
        "-----begin",
    ),
    _rule("putty-key", r"PuTTY-User-Key-File-\d[\s\S]{0,4000}", "putty-user-key-file"),
    _rule(
        "connection-string",
        r"\b[a-zA-Z][\w+.-]{1,20}://[^\s:/@]{0,80}:(?P<secret>[^\s/@]{2,200})@[\w.\[-]",
        "://",
    ),
    _rule(
        "dsn-password",
        r"(?i)\b(?:server|host|data source|uid|user id|user|dbname)\s*=[^\n]{1,200}?\b(?:pwd|password)\s*=\s*(?P<secret>[^;\s]{3,})",
        "pwd= password= password",
    ),
    _rule(
        "authorization",
        r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/-]{16,}={0,2})",
        "bearer basic",
        3.0,
    ),
    _rule(
        "url-key",
        r"(?i)[?&](?:api_?key|key|token|access_token|auth|secret|sig|signature|password)=(?P<secret>[\w%.~+/-]{8,})",
        "= ",
        2.5,
    ),
    _rule(
        "curl-user",
        r"(?i)\bcurl\b[^\n]{0,200}?\s(?:-u|--user)\s*[\"']?(?P<secret>[^\s:]+:[^\s\"']{3,})",
        "curl",
    ),
    _rule(
        "assignment",
        r"(?i)\b[\w.-]{0,30}(?:api[_-]?key|secret|token|passwd|password|passphrase|access[_-]?key|private[_-]?key|credential|auth[_-]?key)s?(?:[_-]\w{1,20})?[\"']?"
        r"\s*(?::=|=>|=|:)\s*[\"'`]?(?P<secret>[^\s\"'`,;]{6,200})",
        "key secret token passwd password passphrase credential",
        2.3,
    ),
    _rule(
        "told-token",
        r"(?i)\b(?:api|access|secret|private|signing|encryption|license|licence|auth(?:entication)?|bearer|client|service|webhook|bot|refresh|session|deploy|app|account|storage|ssh|master|authenticator|totp|2fa|mfa|otp|vpn|pre-?shared|shared|wire ?guard|ipsec|hmac|database|db|root|admin)"
        r"[ _-]?(?:key|token|secret|credential)s?\b[^.!?\n]{0,60}?(?:\bis\b|\bare\b|\bwas\b|:|=|->|→)\s*[\"'`(]?(?P<secret>(?=[^\s\"'`,]*\d)[^\s\"'`,]{8,200})",
        "key token secret credential",
        2.5,
    ),
    _rule(
        "high-entropy",
        r"(?<![\w/+.-])(?=[A-Za-z0-9+/_=-]*[a-z])(?=[A-Za-z0-9+/_=-]*[A-Z])(?=[A-Za-z0-9+/_=-]*\d)[A-Za-z0-9+/_-]{28,400}={0,2}(?![\w/+-])",
        "",
        4.0,
    ),
    _rule(
        "hex-key",
        r"(?i)\b(?:private|secret|signing|encryption|aes|hmac|master|api|wallet)\b[^\n]{0,60}?\b(?P<secret>(?:0x)?[0-9a-f]{32,128})\b",
        "private secret signing encryption aes hmac master api wallet",
        3.0,
    ),
    _rule(
        "wallet-key",
        r"\b[5KL][1-9A-HJ-NP-Za-km-z]{50,51}\b|\b[xyz]prv[1-9A-HJ-NP-Za-km-z]{100,112}\b",
        "",
        4.0,
    ),
    _rule(
        "seed-phrase",
        r"(?i)\b(?:seed(?: ?phrase| ?words)?|mnemonic|recovery (?:phrase|words)|secret phrase)\b[^.!?\n]{0,40}?(?:is|are|:|=)\s*(?P<secret>(?:[a-z]{3,10}[ ,]+){5,23}[a-z]{3,10})",
        "seed mnemonic recovery secret",
    ),
)

_CODE_PLACE = (
    r"(?:door|gate|alarm|entry|entrance|safe|locker|lock|building|garage|keypad|key ?pad|access|security|unlock|unlocking|vault|panel|elevator|lift|lobby"
    r"|pass|backup|recovery|verification|confirmation|2fa|mfa|otp|totp|one[- ]time|login|log[- ]in|sign[- ]in|auth|authentication|authorization|activation"
    r"|disarm|burglar alarm|house|home|apartment|flat|lockbox|key ?box|padlock|bike lock|sms|voicemail|puk|cvv|cvc|card security|master|override|admin|nuclear|launch|duress)"
)
_PASSWORD = (
    r"(?:pass ?words?|pas{1,3}w(?:or|ro|r|o|0r)dd?s?|passowrds?|pass ?codes?|pass ?phrases?|pass-?words?|passwd|pwd|p/w|pws?|wi-?fi (?:key|pass|pw|code)|wlan (?:key|code)|wpa2?(?: |-)?(?:psk|key)?|network (?:security )?key"
    r"|security answer|secret answer|login credentials?|credentials|log-?in details|master key|unlock pattern|maiden name|(?:answer|reply) to (?:my|the|his|her|your|our) (?:security|secret) question)"
)
_NOT_A_VALUE = (
    r"(?!\s*[- ]?(?:polic(?:y|ies)|managers?|resets?|lengths?|rules?|protect\w*|hash\w*|recovery|requirements?|change[sd]?|fields?|prompts?|strength|files?|expir\w+|box(?:es)?"
    r"|hints?|forms?|generators?|less|rotation|safes?|vaults?|books?|lists?|cracking|attempts?|guess\w*|sharing|screen|page|format|entropy|complexity)\b)"
)
_LINK = r"(?:\b(?:has been |was |is |got |been )?(?:changed|set|reset|updated|switched) to\b|\b(?:will|should|must|has to) be\b|\b(?:remains|reads|stays)\b|'s(?= )|\bis\b(?: now| still| currently| just| simply| called)?|\bare\b|\bwas\b|\bbecame\b|\bto\b(?= [\"'`])|:|=|->|→|\bequals\b)"
_DIGITS = r"(?:\d(?:[ .-]{0,3}\d){2,11}[#*]?|[#*]\d{3,10}[#*]?|(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)[ ,-]+){2,11}(?:zero|oh|one|two|three|four|five|six|seven|eight|nine))"

CODE_RULES = (
    _rule(
        "pin",
        r"(?:\bPINs?\b|(?i:\bpin (?:codes?|numbers?)\b|\b(?:my|your|his|her|their|our|card|bank|phone|sim|debit|credit|atm|ipad|voicemail|tablet|device|safe|door)(?:'s)? pin\b))(?!-)"
        r"(?i:[^.!?\n]{0,70}?"
        + _LINK
        + r"|\s+)\s*[\"'`]?(?P<secret>(?i:"
        + _DIGITS
        + r"))(?!\s*(?:mm|cm|volts?|v|ohms?|characters?|chars?|digits?|\w*[- ]digits?)\b)(?![\d%])",
        "pin",
    ),
    _rule(
        "entry-code",
        r"(?i)(?<!error )\b(?!building codes? (?:19|20)\d\d)"
        + _CODE_PLACE
        + r"(?: [\w-]{1,12})?(?:'s)?[ -]?(?:codes?|combinations?|combos?|numbers? to unlock)\b(?! of conduct)[^.!?\n]{0,70}?(?:"
        + _LINK
        + r"|\s)\s*[\"'`]?"
        r"(?P<secret>" + _DIGITS + r"|(?=[A-Z0-9#*-]*\d)[A-Z0-9#*-]{4,16})(?![\w%])",
        "code combination combo number",
    ),
    _rule(
        "entry-code",
        r"(?i)(?<!area )(?<!error )(?<!zip )(?<!postal )(?<!product )(?<!part )(?<!country )(?<!status )(?<!source )(?<!colour )(?<!color )(?<!dress )(?<!model )\b(?:codes?|combinations?|combo|key ?code)\s+"
        r"(?:to|for|of|on|that opens|which opens|at)\s+(?:[\w'-]+\s+){0,5}?"
        + _CODE_PLACE
        + r"\b[^.!?\n]{0,50}?"
        + _LINK
        + r"\s*[\"'`]?(?P<secret>"
        + _DIGITS
        + r"|(?=[A-Z0-9#*-]*\d)[A-Z0-9#*-]{4,16})(?![\w%])",
        "code combination combo",
    ),
    _rule(
        "entry-code",
        r"(?i)(?<!version )\b(?P<secret>"
        + _DIGITS
        + r")(?:\s+|(?=,))(?:opens|unlocks|disarms|(?:,? ?(?:that|this|which)(?:'s| is| was)?|is|was) (?:the|our|my|their) (?:\w+ ){0,2}(?:code|combination|pin|passcode)|on the key ?pad)\b",
        "opens unlocks disarms code combination pin passcode keypad",
    ),
    _rule(
        "entry-code",
        r"(?i)\b(?:enter|type|press|punch in|dial|use|key in|input)\s+(?:in\s+)?(?:the (?:code|pin|number) )?[\"'`]?(?P<secret>"
        + _DIGITS
        + r")[\"'`]?\s+(?:\w+\s+){0,4}?(?:to (?:open|unlock|disarm|get (?:in|into)|enter|access|log)|(?:on|at|into) the (?:key ?pad|door|gate|safe|alarm|lock|panel))",
        "enter type press punch dial use key input",
    ),
    _rule("pin", r"(?i)\b(?:cvv2?|cvc2?|puk)\s+(?P<secret>\d{3,8})\b", "cvv cvc puk"),
    _rule(
        "pin",
        r"(?i)\b(?:puk|pin|cvv2?|cvc|otp|totp|tan)s?\b(?: code| number)?[^.!?\n]{0,40}?\b(?:is|was|:|=)\s*(?P<secret>"
        + _DIGITS
        + r")(?!\s*(?:mm|cm|v|volts?)\b)(?![\d%])",
        "puk pin cvv cvc otp tan",
    ),
    _rule(
        "entry-code",
        r"(?i)\b(?:lock|padlock|safe|vault|door|gate|garage|alarm|phone|tablet|laptop|computer|ipad|key ?pad|locker|lockbox|suitcase|briefcase)s?\b[^.!?\n]{0,30}?\b(?:opens?|unlocks?|unlocked|opened|unlocking|disarms?|disarmed)\b[^.!?\n]{0,20}?\b(?:with|by|using|via|:)\s+(?:the (?:code|number|pin) )?(?P<secret>"
        + _DIGITS
        + r")(?![\d%])",
        "open unlock disarm",
    ),
    _rule(
        "entry-code",
        r"(?i)\b(?:unlock|open|disarm)(?:s|ed|ing)?\b[^.!?\n]{0,30}?\b(?:with|by|using)\s+(?:the (?:code|number|pin) )?(?P<secret>"
        + _DIGITS
        + r")(?![\d%])(?!\s*(?:people|euros?|dollars?|keys|votes|percent|books|films|minutes|hours|days|seconds|members|guests|seats|kg|mm|cm))",
        "unlock open disarm",
    ),
    _rule(
        "entry-code",
        r"(?i)\b(?:safe|vault|lock|locker|padlock)\b[^.!?\n]{0,20}\bcombination\b[^.!?\n]{0,30}?\b(?:is|was|:)\s*(?P<secret>\d{1,3}(?:\s*(?:left|right|then|to|and|,|-|clockwise|anticlockwise|counterclockwise)+\s*,?\s*\d{1,3}){1,5})",
        "combination",
    ),
)

PASSWORD_RULES = (
    _rule(
        "told-password",
        r"(?i)\b"
        + _PASSWORD
        + r"\b"
        + _NOT_A_VALUE
        + r"(?P<about>[^.!?\n:=]{0,80}?)\s*"
        + _LINK
        + r"\s*(?P<quote>[\"'`“‘])?(?P<secret>\S[^\n]{0,80})",
        "pass pasw passs pwd pw p/w wifi wi-fi wlan wpa network answer credential login log-in master unlock maiden",
    ),
    _rule(
        "told-password",  # "changed my password to x7", "the pass for the drive is x7", "with the passphrase a-b-c"
        r"(?i)(?:\b(?:chang\w*|sett?\w*|reset\w*|updat\w*|switch\w*|made|make|making)\s+(?:[\w'-]+\s+){0,4}?"
        + _PASSWORD
        + r"\b[^.!?\n:=]{0,40}?\s(?:to|as)|\bpass\s+(?:to|for|of)\s+(?:[\w'-]+\s+){1,5}?(?:is|was|:|=))"
        r"\s+(?P<quote>[\"'`“‘])?(?P<secret>(?=[^\s\"'`,]*[a-z])(?=[^\s\"'`,]*[\d@$%^&*#_])[^\s\"'`,]{4,64})",
        "pass pasw pwd pw wifi wi-fi wlan wpa credential",
    ),
    _rule(
        "told-password",
        r"(?i)\b(?:with|using|by|has|enter|type)\s+(?:the|its|my|our|a)?\s*"
        + _PASSWORD
        + r"\s+(?P<quote>[\"'`“‘])?(?P<secret>[a-z\d]{2,}(?:[-_.][a-z\d]{2,}){2,11})\b",
        "pass pwd",
    ),
    _rule(
        "told-password",
        r"(?i)(?P<quote>[\"'`“‘])?(?P<secret>[^\s\"'`“‘]{3,64})[\"'`”’]?\s+(?:is|was)\s+(?:now\s+)?(?:the|my|our|your|his|her|their|\w+'s)\s+(?:[\w'-]+\s+){0,4}?"
        + _PASSWORD
        + r"\b"
        + _NOT_A_VALUE,
        "pass pwd wifi wi-fi wlan wpa network answer credential",
    ),
    _rule(
        "told-password",
        r"(?i)\b(?:use|enter|type|try|with|using|and)\s+(?P<quote>[\"'`“‘])?(?P<secret>[^\s\"'`“‘]{3,64})[\"'`”’]?\s+(?:as|for|is)\s+(?:the|my|your|our|his|her|a)?\s*(?:[\w'-]+\s+){0,3}?"
        + _PASSWORD
        + r"\b"
        + _NOT_A_VALUE,
        "pass pwd wifi wi-fi wlan wpa network credential",
    ),
    _rule(
        "told-password",
        r"(?i)\b"
        + _PASSWORD
        + r"\s+(?P<quote>[\"'`“‘])?(?P<secret>(?=[^\s\"'`,]*[a-z])(?=[^\s\"'`,]*[\d@$%^&*#])[^\s\"'`,]{5,64})",
        "pass pwd p/w wifi wi-fi wlan wpa network credential",
    ),
    _rule(
        "told-login",
        r"(?i)\b(?:log ?in|log-in|sign in|login|credentials|ssh|account)\b[^.!?\n]{0,40}?(?:with|as|is|are|:|=)\s+[\"'`]?[\w.@+-]{2,40}[\"'`]?\s*(?:/|\||:|\band\b|\bplus\b|,)\s*[\"'`]?(?P<secret>(?=\S*[\d@$%^&*#!])[^\s\"'`/]{5,64})",
        "log sign login credential ssh account",
    ),
)

ASKED = re.compile(
    r"(?i)\b(?:what(?:'s|s)?|which|tell|give|remind|know|show|say|share|remember|need|how (?:do|can) \w+ (?:get into|unlock|open|log ?in))\b[^.!?\n]{0,80}?"
    r"(?:\b(?:"
    + _PASSWORD
    + r")\b"
    + _NOT_A_VALUE
    + r"|\b(?:"
    + _CODE_PLACE
    + r"[ -]?(?:codes?|combinations?|pin))\b|\bPIN\b|\bpin (?:code|number)\b|\bmy pin\b"
    r"|\b(?:api|access|secret|private|signing|auth|bearer)[ _-]?(?:key|token)s?\b|\bcodes? (?:to|for|of|on) (?:[\w'-]+ ){0,5}?"
    + _CODE_PLACE
    + r"\b|\bseed phrase\b|\bmnemonic\b)"
)
"""A question whose answer is a secret, whatever the answer looks like."""
