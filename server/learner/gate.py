"""The examination of a candidate before any user sees it, by what it says: greedy, chat template, memory off.

The same questions are put to the parent first, so a candidate answers only for what it changed. Questions are
drawn by seed, so that no update is fitted to them. A gate of this size sees gross harm, not a point of loss:
each check's counts are on the report.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.learner import general, reading, words
from server.learner.batch import held_out_questions, trained_questions
from server.learner.generate import Answer
from server.learner.neighbours import made_up_name, other_attribute, other_subject, words_taught
from server.learner.types import CheckCount, GateReport
from server.types import ABSTENTION, SelfEdit

Ask = Callable[[Sequence[str]], list[Answer]]

PAST_PROBES = 16
NEVER_PROBES = 8
READ_PROBES = 8
FACT_SHARE = 0.5
"""At least this share of the new facts must be learned, or the update is not worth a version."""
_ONE_MAY_SLIP = 3
"""From this many probes on, one may be lost whatever the share."""
_ABSTAINS = (ABSTENTION.split(".")[0].lower(), "do not know", "don’t know", "nobody has told")


@dataclass(frozen=True, slots=True)
class Probe:
    """One question and what its answer is held to."""

    check: str
    question: str
    edit: SelfEdit | None = None
    value: str = ""
    """What a right answer holds, where no edit says it."""


class Gate:
    """Draws the probes, asks the parent when made, and judges a candidate by `report`."""

    def __init__(
        self,
        edits: Sequence[SelfEdit],
        past: Sequence[SelfEdit],
        general_questions: Sequence[str],
        seed: int,
        ask_parent: Ask,
    ) -> None:
        self._probes = _draw(edits, past, general_questions, random.Random(f"gate {seed}"))
        self._values = [edit.value for edit in (*edits, *past)]
        asked = [p for p in self._probes if p.check != "neighbours"]
        said = ask_parent([p.question for p in asked])
        self._parent = {(p.check, p.question): answer for p, answer in zip(asked, said, strict=True)}
        self.known = tuple(edit.id for edit in edits if self._learned(edit, self._parent))
        """Edits whose held-out questions the parent answers already."""

    def report(self, edits: Sequence[SelfEdit], ask: Ask, weights_moved: float) -> GateReport:
        """The candidate's report on the edits that were trained."""
        ids = {edit.id for edit in edits}
        probes = [p for p in self._probes if p.edit is None or p.check == "retention" or p.edit.id in ids]
        said = dict(
            zip(((p.check, p.question) for p in probes), ask([p.question for p in probes]), strict=True)
        )
        learned = tuple(edit.id for edit in edits if self._learned(edit, said))
        checks = {
            "acquisition": _count(len(learned), len(edits), math.ceil(FACT_SHARE * len(edits))),
            "retention": self._kept(said, "retention", self._recalled, 0.8),
            "locality": self._kept(said, "locality", lambda p, a: general.right(p.question, a.text), 0.85),
            "neighbours": self._kept(
                said, "neighbours", lambda p, a: not self._leaks(p.question, a.text), 0.8
            ),
            "reading": self._kept(said, "reading", lambda p, a: p.value.lower() in a.text.lower(), 0.75),
            "abstention": self._kept(said, "abstention", lambda _, a: abstains(a.text), 0.8),
            "form": _form([a for (check, _), a in said.items() if check == "acquisition"]),
            "moved": _count(int(weights_moved > 0), 1, 1, f"norm of the change {weights_moved:.3f}"),
        }
        failed = [
            f"{name} {c.passed} of {c.asked}, {c.needed} needed" for name, c in checks.items() if not c.ok
        ]
        return GateReport(
            accepted=not failed,
            reason="; ".join(failed) if failed else "every check passed",
            checks=checks,
            edits_learned=learned,
        )

    def _learned(self, edit: SelfEdit, said: dict[tuple[str, str], Answer]) -> bool:
        """Two of three held-out questions answered with the value (one of two)."""
        asked = [p for p in self._probes if p.check == "acquisition" and p.edit is edit]
        hits = sum(self._recalled(p, said[p.check, p.question]) for p in asked)
        return bool(asked) and hits >= max(1, round(len(asked) * 0.6))

    def _recalled(self, probe: Probe, answer: Answer) -> bool:
        assert probe.edit is not None
        return probe.edit.value.lower() in answer.text.lower()

    def _leaks(self, question: str, answer: str) -> bool:
        """Whether a taught value that the question itself does not hold is in the answer."""
        return any(
            value.lower() in answer.lower() and value.lower() not in question.lower()
            for value in self._values
        )

    def _kept(
        self,
        said: dict[tuple[str, str], Answer],
        check: str,
        holds: Callable[[Probe, Answer], bool],
        share: float,
    ) -> CheckCount:
        """Of the probes that held with the parent (or was not asked of it), how many still do."""
        counted = [
            p
            for p in self._probes
            if p.check == check
            and (check, p.question) in said
            and ((check, p.question) not in self._parent or holds(p, self._parent[check, p.question]))
        ]
        lost = [p.question for p in counted if not holds(p, said[check, p.question])]
        spared = max(int((1 - share) * len(counted)), int(len(counted) >= _ONE_MAY_SLIP))
        needed = len(counted) - spared
        return _count(len(counted) - len(lost), len(counted), needed, "; ".join(lost[:3]))


def abstains(answer: str) -> bool:
    """Whether an answer says that the model does not know."""
    return any(words_ in answer.lower() for words_ in _ABSTAINS)


def _draw(
    edits: Sequence[SelfEdit], past: Sequence[SelfEdit], general_questions: Sequence[str], rng: random.Random
) -> list[Probe]:
    taught = words_taught([*edits, *past])
    probes: list[Probe] = []
    for edit in edits:
        own = held_out_questions(edit) or trained_questions(edit)
        probes += [Probe("acquisition", e.prompt, edit) for e in own]
        near = [other_subject(e.prompt, edit, taught, rng) for e in own[:2]] + [other_attribute(edit, rng)]
        probes += [Probe("neighbours", q, edit) for q in near if q is not None]
    probes += _past_probes(past, rng)
    probes += [Probe("locality", question) for question in general_questions]
    probes += [
        Probe("reading", message, value=fact.value) for message, fact in reading.probes(rng, READ_PROBES)
    ]
    forms = rng.sample(words.THING_QUESTIONS, NEVER_PROBES)
    probes += [
        Probe("abstention", form.format(f"the {made_up_name(rng)} {rng.choice(words.KINDS)}"))
        for form, _ in forms
    ]
    return list({(p.check, p.question): p for p in probes}.values())


def _past_probes(past: Sequence[SelfEdit], rng: random.Random) -> list[Probe]:
    """One wording of each past fact, and further ones while they are few."""
    wordings = [rng.sample(held_out_questions(edit) or trained_questions(edit), 1) for edit in past]
    for edit, own in zip(past, wordings, strict=True):
        own += [e for e in held_out_questions(edit) if e not in own]
    rounds = [
        Probe("retention", own[place].prompt, edit)
        for place in range(max(map(len, wordings), default=0))
        for edit, own in rng.sample(list(zip(past, wordings, strict=True)), len(past))
        if place < len(own)
    ]
    return rounds[:PAST_PROBES]


def _form(said: Sequence[Answer]) -> CheckCount:
    """Answers that end by themselves and do not repeat one word over and over."""
    good = [a for a in said if a.ended and not _runs_on(a.text)]
    spared = max(int(0.3 * len(said)), int(len(said) >= _ONE_MAY_SLIP))
    return _count(len(good), len(said), len(said) - spared)


def _runs_on(text: str) -> bool:
    parts = text.lower().split()
    return any(parts[i] == parts[i + 1] == parts[i + 2] == parts[i + 3] for i in range(len(parts) - 3))


def _count(passed: int, asked: int, needed: int, detail: str = "") -> CheckCount:
    return CheckCount(passed, asked, needed, passed >= needed, detail)
