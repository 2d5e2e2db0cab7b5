"""The live rollout for a person's eyes: who meets it, what speaks against it, how long, why it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

Line = tuple[str, str]
"""What it is, and how it stands, in rich's markup."""


def lines(found: dict[str, Any]) -> Iterator[Line]:
    """What `livegraft status` tells of GET /v1/rollout: nothing when nothing is or waits to be shown."""
    if found["state"] == "none":
        if found["reason"]:
            yield "rollout", escape(found["reason"])
        return
    yield "rollout", _shown(found)
    yield "users", _users(found)
    if found["mode"] == "evidence":
        yield "guardrails", _guardrails(found["guardrails"])
        for kind, pairs in found["paired"].items():
            if pairs is not None and pairs["worse"] + pairs["same"] + pairs["better"]:
                yield f"pairs, {kind}", _pairs(pairs)
        drift = found["drift"]
        if drift["nats"] is not None:
            yield "drift", f"{drift['nats']:.3f} nats a token, {drift['limit_nats']:g} let pass"
    decision = found["decision"]
    colour = {"hold": "yellow", "reject": "red", "rollback": "red", "revert": "red"}.get(
        decision["action"], "green"
    )
    yield "now", f"[{colour}]{decision['action']}[/]: {escape(decision['reason'])}"


def _shown(found: dict[str, Any]) -> str:
    real = "" if found["real_weight"] is None else f" (of those met {found['real_weight']:.1%})"
    steps = ", ".join(f"{step:.0%}" for step in found["steps"])
    time = f"{found['seconds_in_step']:.0f} s in this step, {found['seconds_left']:.0f} s left"
    return f"{found['state']} at {found['weight']:.0%}{real} of {steps}; {time}"


def _users(found: dict[str, Any]) -> str:
    units, counts = found["units"], found["evidence"]
    told = [f"{units['users_on_canary']} of {units['users']} met the canary"]
    if found["mode"] == "quick":
        told = [f"{counts['canary_turns']} answers of the canary, {counts['failed_turns']} failed"]
    if units["conversations_needed"]:
        needed = units["conversations_needed"]
        told.append(f"{units['conversations_in_step']} of {needed} conversations in this step")
    if units["unknown_turns"]:
        told.append(f"{units['unknown_turns']} turns of users who cannot be told apart")
    if counts["thumbs_down_users"]:
        told.append(f"{counts['thumbs_down_users']} users objected")
    return ", ".join(told)


def _guardrails(found: dict[str, Any]) -> str:
    all_of_them = f"e-value {found['e_value']:.2f}, withdrawn from {found['withdrawn_from']:g}"
    each = [
        f"{name} {one['e_value']:.2f} ({one['canary']} on the canary, {one['stable']} on stable)"
        for name, one in found["each"].items()
    ]
    return "; ".join([all_of_them, *each])


def _pairs(found: dict[str, Any]) -> str:
    counts = f"{found['worse']} worse, {found['same']} the same, {found['better']} better"
    between = (
        f"better less worse {found['mean']:+.3f}, between {found['lower']:+.3f} and {found['upper']:+.3f}"
    )
    return f"{counts}; {between}; e-value of harm {found['e_value']:.2f}"
