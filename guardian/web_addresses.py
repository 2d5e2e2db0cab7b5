"""Web addresses that lead to somebody: full ones, those that begin with www, and bare domains.

Names that belong to nobody (RFC 2606, RFC 6761: example.org, localhost, *.local, *.internal …) are facts about
devices and pass. Not covered: bare domains under rare endings and under endings that are also those of files (.md,
.py, .rs, .sh), and accounts named by an @ alone.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from collections.abc import Iterator

_ENDINGS = (
    "com org net info biz edu gov mil int io co me tv app dev blog shop online site store tech xyz club name pro live life page web"
    " ac ad ae ar at au az ba bd be bg bh bo br by ca ch ci cl cm cn cr cu cy cz de dk do dz ec ee eg es eu fi fr ge gh gr gt hk hn hr hu"
    " id ie il in iq ir is it jm jo jp ke kg kh kr kw kz lb lk lt lu lv ly ma mc mk mt mu mx my na ng ni nl no np nz om pa pe ph pk pt py qa"
    " ro ru sa se sg si sk sn sv sy th tn tr tw tz ua ug uk us uy uz ve vn ye za zm zw"
)
_BARE_ENDING = "|".join(ending for ending in _ENDINGS.split() if ending != "py")
_FULL = re.compile(
    r"(?i)\b(?:https?|ftp)://(?P<host>[^\s/?#<>\"'`()\[\]{},;:]{2,253})(?::\d{1,5})?(?:[/?#][^\s<>\"'`]*)?"
)
_WWW = re.compile(
    r"(?i)(?<![\w.@/-])(?P<host>www\d?\.(?:[\w-]{1,63}\.){1,6}[a-z]{2,24})(?:[/?#][^\s<>\"'`]*)?"
)
_BARE = re.compile(
    r"(?<![\w.@/:-])(?P<host>(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){0,4}[A-Za-z0-9][A-Za-z0-9-]{1,62}\.(?:"
    + _BARE_ENDING
    + r"))(?![\w@-]|\.\w)(?:[/?#][^\s<>\"'`]*)?"
)
_NOBODYS = re.compile(
    r"(?i)(?:^|\.)(?:example|test|invalid|localhost|local|internal|intranet|lan|corp|home|onion|arpa|example\.(?:com|org|net))\.?$|^[\d.]+$|^[^.]+$"
)


def web_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Spans of web addresses in `text` whose host can belong to somebody."""
    for pattern in (_FULL, _WWW, _BARE):
        for match in pattern.finditer(text):
            host = match["host"].rpartition("@")[2]
            if not _NOBODYS.search(host.rstrip(".")):
                yield match.start(), match.start() + len(match[0].rstrip(".,;:!?)"))
