"""Which families of judge models there are, and whether a configured judge makes sense."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from guardian.judges.gpt_oss_safeguard import GPT_OSS_SAFEGUARD
from guardian.judges.granite_guardian import GRANITE_GUARDIAN
from guardian.judges.llama_guard import LLAMA_GUARD
from guardian.judges.qwen3guard import QWEN3GUARD
from guardian.judges.shieldgemma import SHIELDGEMMA
from guardian.judges.types import Adapter
from guardian.types import RemoteJudge

ADAPTERS: dict[str, Adapter] = {
    "qwen3guard": QWEN3GUARD,
    "granite_guardian": GRANITE_GUARDIAN,
    "llama_guard": LLAMA_GUARD,
    "shieldgemma": SHIELDGEMMA,
    "gpt_oss_safeguard": GPT_OSS_SAFEGUARD,
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def problem(judge: RemoteJudge) -> str:
    """What is wrong with a configured judge and what is allowed, in one sentence; '' when nothing is."""
    who = f"judge '{judge.name}'"
    adapter = ADAPTERS.get(judge.adapter)
    if not judge.name.strip() or not judge.model.strip():
        return f"{who}: name and model must not be empty"
    if adapter is None:
        return f"{who}: there is no adapter '{judge.adapter}'; the adapters are {', '.join(ADAPTERS)}"
    wrong = sorted(set(judge.topics) - adapter.topics)
    if wrong or not judge.topics:
        can = ", ".join(sorted(adapter.topics))
        return f"{who}: topics are [{', '.join(judge.topics)}], but {judge.adapter} judges only {can}"
    if judge.ask not in ("undecided", "always"):
        return f"{who}: ask is '{judge.ask}'; it must be undecided or always"
    if not 0 < judge.timeout_seconds <= 300:
        return f"{who}: timeout_seconds is {judge.timeout_seconds}; it must be above 0 and at most 300"
    if judge.key_env and not _VARIABLE.fullmatch(judge.key_env):
        return f"{who}: key_env must be the name of an environment variable that holds the key, not the key"
    return _url_problem(who, judge.base_url)


def _url_problem(who: str, base_url: str) -> str:
    """The address is not repeated where it may hold a secret."""
    try:
        parts = urlsplit(base_url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return f"{who}: base_url is not an address; write http://host:port/v1"
    if parts.username or parts.password or parts.query or parts.fragment:
        return (
            f"{who}: base_url must hold no user, password or query; the key belongs into key_env's variable"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        return f"{who}: base_url is '{base_url}'; it must start with http:// or https:// and name a host"
    return ""
