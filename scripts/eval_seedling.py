#!/usr/bin/env python
"""Examine seedling on names, values and wordings that its training never showed; exit 1 if it falls short.

    scripts/eval_seedling.py [--model FOLDER] [--cases 150]

Every answer counts by its text: an answer is right when it holds the value (and, where there is one, the
name), an abstention only when it is the abstention to the letter, a question only when it is one of the
fact's wordings, a rewrite only when it is another of the fact's statements.

Rewrites and questions are counted twice: as sampled once, and those of them that the editor's own check lets
pass (server/editor/check.py). What it drops is never trained, so the acceptance line counts the latter.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.train_seedling import SCAFFOLD
from server.editor import check
from server.editor.kinds import kind_of
from server.editor.scaffold import ANSWER, OPENERS, QUESTION, REWRITE, answer_input
from server.editor.value import Value, find_subject, find_value
from server.engine.seedling_bank import GENERAL_HELD_OUT, GENERAL_QUESTIONS
from server.engine.seedling_forms import FORMS
from server.engine.seedling_language import Fact, facts, neighbours, untold
from server.engine.seedling_talk import Talk
from server.types import ABSTENTION, Message

FOLDER = Path(__file__).resolve().parents[1] / "server" / "engine" / "seedling"
NEEDED = 0.95
Chat = Sequence[Message]
Rule = Callable[[str], bool]


class Seedling:
    """The model under examination, answering many chats at once."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def say(
        self, chats: Sequence[Chat], *, temperature: float = 0.0, prefill: Sequence[str] = ()
    ) -> list[str]:
        """The answer to each chat; words of `prefill` begin it and come back with it."""
        answers: list[str] = []
        for start in range(0, len(chats), 32):
            group, first = chats[start : start + 32], prefill[start : start + 32]
            answers += self._batch(group, first, temperature)
        return answers

    def _batch(self, chats: Sequence[Chat], prefill: Sequence[str], temperature: float) -> list[str]:
        shown = [[{"role": message.role, "content": message.content} for message in chat] for chat in chats]
        for turns, words in zip(shown, prefill, strict=False):
            turns.append({"role": "assistant", "content": words})
        inputs = self.tokenizer.apply_chat_template(
            shown,
            add_generation_prompt=not prefill,
            continue_final_message=bool(prefill),
            return_tensors="pt",
            return_dict=True,
            padding=True,
        )
        sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        with torch.no_grad():
            output = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=64,
                **sampling,
            )
        texts = self.tokenizer.batch_decode(
            output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        return [a + b for a, b in zip(prefill, texts, strict=True)] if prefill else list(texts)


@dataclass(slots=True)
class Score:
    """How many of the cases came out right, and some that did not."""

    name: str
    right: int = 0
    total: int = 0
    wrong: list[str] | None = None

    def count(self, ok: bool, case: str) -> None:
        """Add one case."""
        self.right += ok
        self.total += 1
        if not ok:
            self.wrong = [*(self.wrong or []), case]

    @property
    def share(self) -> float:
        """The right share."""
        return self.right / max(1, self.total)


def _holds(answer: str, fact: Fact) -> bool:
    """Whether the value is in the answer, and the subject unless it is the speaker."""
    named = fact.subject in ("I", "we") or fact.subject.lower() in answer.lower()
    return named and any(value.lower() in answer.lower() for value in fact.accepted)


def _told_right(fact: Fact) -> Rule:
    return lambda said: _holds(said, fact)


def _accepts(accepted: Sequence[str]) -> Rule:
    return lambda said: any(one.lower() in said.lower() for one in accepted)


def _readings(fact: Fact, said: str) -> list[Fact]:
    """Every fact that the sentence `said` could tell: "Anna's car is Milo" names a make or the car itself."""
    others = (Fact(form, fact.subject, fact.value) for form in FORMS)
    return [fact, *(other for other in others if said in other.statements)]


def _rewritten(fact: Fact, old: str) -> Rule:
    right = {statement for reading in _readings(fact, old) for statement in reading.statements}
    return lambda new: _holds(new, fact) and new != old and new in right


def _asks(fact: Fact, told: str) -> Rule:
    right = {question for reading in _readings(fact, told) for question in reading.questions}
    return lambda said: said in right


def _rewrite_passes(fact: Fact, old: str) -> Rule:
    value = _value(fact, old)
    subject = find_subject(old, value, fact.questions)
    return lambda new: not check.rewrite_objection(new, old, subject, value)


def _question_passes(fact: Fact, told: str) -> Rule:
    value = _value(fact, told)
    return lambda said: not check.question_objection(said, told, value)


def _value(fact: Fact, said: str) -> Value:
    """What the editor takes for the value, or else the value itself."""
    found = find_value(said, fact.questions[:8])
    if found is not None:
        return found
    start = said.index(fact.value)
    return Value(fact.value, start, start + len(fact.value), kind_of(fact.value, said, start), "")


def _abstains(said: str) -> bool:
    return said == ABSTENTION


def _user(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


class Examination:
    """The sections; each returns its score."""

    def __init__(self, model: Seedling, cases: int, seed: int) -> None:
        self.model, self.cases, self.seed = model, cases, seed
        self.rng = random.Random(seed)
        self.talk = Talk(random.Random(seed), SCAFFOLD, unseen=True)
        self.facts = facts(seed, cases, own=True)

    def _told(self, fact: Fact, place: int) -> list[Message]:
        """`fact` among up to five others: as notes in every second case, as turns of the chat otherwise."""
        others = [one for one in facts(self.seed * 1000 + place, place % 6) if one.subject != fact.subject]
        told = self.rng.sample([fact, *others], len(others) + 1)
        if place % 2:
            return [Message("system", "Notes:\n" + "\n".join(f"- {one.answer}" for one in told))]
        return [
            turn
            for one in told
            for turn in (
                Message("user", self.rng.choice(one.statements)),
                Message("assistant", f"Got it. {one.answer}"),
            )
        ]

    def context(self) -> Score:
        """Facts told before, asked in any wording."""
        chats = [
            [*self._told(fact, place), *_user(self.rng.choice(fact.questions))]
            for place, fact in enumerate(self.facts)
        ]
        return self._judge("context answers", chats, [_told_right(fact) for fact in self.facts])

    def correction(self) -> Score:
        """The newest value wins, also after other turns."""
        chats, rules = [], list[Rule]()
        for place, fact in enumerate(self.facts):
            changed = fact.with_value(self.talk.words.draw(fact.form.value))
            told = self._told(fact, place)
            told += [
                Message("user", f"Correction: {changed.statement}"),
                Message("assistant", f"Okay. {changed.answer}"),
            ]
            if place % 3 == 0:
                told += [Message("user", "Thanks!"), Message("assistant", "You're welcome!")]
            chats.append([*told, *_user(self.rng.choice(fact.questions))])
            rules.append(_told_right(changed))
        return self._judge("multi-turn correction", chats, rules)

    def abstention(self) -> Score:
        """Questions that nothing answers: half without any context, half beside a fact that is near."""
        chats: list[Chat] = [_user(question) for question in untold(self.seed + 1, self.cases)]
        for place, fact in enumerate(self.facts):
            near = self.rng.choice(neighbours(fact, self.rng))
            chats.append([*self._told(fact, place % 3), *_user(near)])
        return self._judge("abstention", chats, [_abstains] * len(chats))

    def general(self, held_out: bool) -> Score:
        """General knowledge, in trained or in held-out wordings."""
        bank = GENERAL_HELD_OUT if held_out else GENERAL_QUESTIONS
        rules = [_accepts(accepted) for _, accepted in bank]
        name = "general questions, held-out wording" if held_out else "general questions"
        return self._judge(name, [_user(question) for question, _ in bank], rules)

    def rewrite(self) -> tuple[Score, Score]:
        """Self-edit: other words, same names and values."""
        said = [self.rng.choice(fact.statements) for fact in self.facts]
        rules = [_rewritten(fact, old) for old, fact in zip(said, self.facts, strict=True)]
        written = self.model.say([REWRITE.messages(text) for text in said], temperature=0.8)
        checks = [_rewrite_passes(fact, old) for old, fact in zip(said, self.facts, strict=True)]
        return self._kept("self-edit: rewrite", said, written, rules, checks)

    def question(self) -> tuple[Score, Score]:
        """Self-edit: a question begun with each opener in turn must be one of the fact's wordings."""
        openers = [OPENERS[place % len(OPENERS)] for place in range(len(self.facts))]
        told = [self.rng.choice(fact.statements) for fact in self.facts]
        chats = [QUESTION.messages(text) for text in told]
        rules = [_asks(fact, text) for fact, text in zip(self.facts, told, strict=True)]
        written = self.model.say(chats, temperature=0.8, prefill=openers)
        checks = [_question_passes(fact, text) for fact, text in zip(self.facts, told, strict=True)]
        return self._kept("self-edit: question", told, written, rules, checks)

    def answer(self) -> Score:
        """Self-edit: answered from the text in a sentence; a fifth of the questions have no answer there."""
        chats, rules = [], list[Rule]()
        for place, fact in enumerate(self.facts):
            asked = self.rng.choice(neighbours(fact, self.rng) if place % 5 == 0 else fact.questions)
            chats.append(ANSWER.messages(answer_input(self.rng.choice(fact.statements), asked)))
            rules.append(_abstains if place % 5 == 0 else _told_right(fact))
        return self._judge("self-edit: answer", chats, rules)

    def _kept(
        self, name: str, given: Sequence[str], written: Sequence[str], rules: Sequence[Rule],
        checks: Sequence[Rule],
    ) -> tuple[Score, Score]:  # fmt: skip
        """The score of everything written, and of what the editor's check lets pass."""
        raw, kept = Score(f"{name}, as sampled"), Score(f"{name}, kept")
        for old, new, rule, passes in zip(given, written, rules, checks, strict=True):
            raw.count(rule(new), f"{old!r} -> {new!r}")
            if passes(new):
                kept.count(rule(new), f"{old!r} -> {new!r}")
        return raw, kept

    def _judge(
        self, name: str, chats: Sequence[Chat], rules: Sequence[Rule], *,
        temperature: float = 0.0, prefill: Sequence[str] = (),
    ) -> Score:  # fmt: skip
        score = Score(name)
        for chat, rule, said in zip(
            chats, rules, self.model.say(chats, temperature=temperature, prefill=prefill), strict=True
        ):
            score.count(rule(said), f"{chat[-1].content!r} -> {said!r}")
        return score


def report(scores: Sequence[Score], wrong: int) -> bool:
    """Print each score, then the three acceptance lines; whether all of them are met."""
    for score in scores:
        print(f"{score.name:40s} {score.share:7.1%}  of {score.total}")
        for case in (score.wrong or [])[:wrong]:
            print(f"    wrong: {case}")
    by_name = {score.name: score.share for score in scores}
    names = ("self-edit: rewrite, kept", "self-edit: question, kept", "self-edit: answer")
    edits = [by_name[name] for name in names]
    lines = {
        "context answers": by_name["context answers"],
        "self-edits": sum(edits) / len(edits),
        "abstention": by_name["abstention"],
    }
    for name, share in lines.items():
        print(
            f"ACCEPTANCE {name}: {share:.1%} (needed {NEEDED:.0%}) {'met' if share >= NEEDED else 'NOT MET'}"
        )
    return all(share >= NEEDED for share in lines.values())


def main() -> None:
    """Run all sections."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--cases", type=int, default=150, help="cases in each section")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wrong", type=int, default=3, help="wrong cases to print of each section")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    exam = Examination(Seedling(options.model), options.cases, options.seed)
    scores = [
        exam.context(),
        exam.correction(),
        exam.abstention(),
        exam.general(held_out=False),
        exam.general(held_out=True),
        *exam.rewrite(),
        *exam.question(),
        exam.answer(),
    ]
    sys.exit(0 if report(scores, options.wrong) else 1)


if __name__ == "__main__":
    main()
