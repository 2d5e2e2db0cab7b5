"""One model under a parent version, into which one candidate after another is put."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adapter_store import Delta, Manifest, Store, Version
from scripts.benchmarks.planted.facts import Sealed, edit_of, neighbours, sealed_questions, told
from server.engine.mapped import load_mapped
from server.engine.models import resolve
from server.engine.seedling_language import Fact
from server.learner import general, update
from server.learner.adapters import Adapters
from server.learner.asker import Asker
from server.learner.chat import Encoder
from server.learner.gate import Gate
from server.learner.gate.checks import well_formed
from server.learner.generate import Answer
from server.learner.profiles import choose
from server.learner.types import Factors, GateReport, UpdateInput
from server.types import SelfEdit

PARENT_FACTS = 4
SEED = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delta and what was done to it."""

    kind: str
    size: str
    facts: tuple[Fact, ...]
    factors: Factors


class World:
    """Seedling with a few facts in its parent version; updates come on top of it."""

    def __init__(self, folder: Path, sealed_size: int, recipe: str) -> None:
        """`folder` keeps what was trained and the base's answers."""
        self.folder = folder
        self.model_dir = resolve("seedling", folder).path
        self.recipe = recipe
        self.profile = choose(recipe, 0)
        self.past = [fact for fact, _ in told(SEED, PARENT_FACTS)]
        self._past_edits = tuple(edit_of(fact) for fact in self.past)
        first = self.trained("parent", tuple(self.past), parent=False)
        self._parent_dir = self._composed(first)
        model, tokenizer = load_mapped(self.model_dir, "cpu")
        self.model: Any = model
        self.encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
        self.adapters = Adapters(model, self._parent_dir, self.profile)
        with self.adapters.base_alone():
            self._base = general.base_answers(model, self.encoder, folder)
        self.sealed = sealed_questions(self.past, sealed_size)
        with self.adapters.parent_alone():
            asker = self._asker({})
            said = asker.ask([one.question for one in self.sealed])
        self._parent_said = dict(zip([one.question for one in self.sealed], said, strict=True))
        self._held = [one for one in self.sealed if _holds(one, self._parent_said[one.question])]

    @property
    def held(self) -> int:
        """How many of the sealed questions the parent answers rightly."""
        return len(self._held)

    def trained(self, name: str, facts: tuple[Fact, ...], changes: str = "", parent: bool = True) -> Factors:
        """The delta that the learner makes of these facts, whatever its gate says; kept under `folder`."""
        profile = self.recipe + changes
        recipe = json.dumps([asdict(choose(profile, 0)), [fact.statement for fact in facts]], default=str)
        file = self.folder / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.npz"
        if not file.is_file():
            given = UpdateInput(
                model_dir=self.model_dir,
                parent_dir=self._parent_dir if parent else None,
                edits=tuple(edit_of(fact) for fact in facts),
                past=self._past_edits if parent else (),
                profile=f"{profile},gate=false",
                seed=SEED,
            )
            result = update.run(given, cache_dir=self.folder)
            if result.factors is None:
                raise RuntimeError(f"{name} was not trained: {result.report.reason}")
            _save(result.factors, file)
        return _read(file)

    def put(self, factors: Factors) -> None:
        """Make these the candidate's weights. A delta of less rank leaves nothing of the one before it."""
        free = self.profile.rank - factors.rank
        tensors = {
            f"{path}.A": torch.from_numpy(np.pad(array, ((0, free), (0, 0))))
            for path, array in factors.a.items()
        }
        tensors |= {
            f"{path}.B": torch.from_numpy(np.pad(array, ((0, 0), (0, free))))
            for path, array in factors.b.items()
        }
        if not self.adapters.start_from(tensors):
            raise RuntimeError("the candidate's factors do not fit this model's delta")

    def harm(self, candidate: Candidate) -> dict[str, tuple[int, int]]:
        """By kind of sealed question: how many the parent answered rightly, how many of these are lost."""
        near = neighbours(candidate.facts, len(self.sealed) // 10)
        asker = self._asker(self._parent_said)
        with self.adapters.parent_alone():
            before = asker.ask([one.question for one in near])
        asked = [*self._held, *(one for one, said in zip(near, before, strict=True) if _holds(one, said))]
        self.put(candidate.factors)
        counted: dict[str, tuple[int, int]] = {}
        for one, answer in zip(asked, asker.ask([one.question for one in asked]), strict=True):
            held, lost = counted.get(one.kind, (0, 0))
            counted[one.kind] = (held + 1, lost + (not _holds(one, answer)))
        return counted

    def examine(self, candidate: Candidate, seed: int) -> tuple[GateReport, int, int]:
        """The gate's report as an update would get it, and how many answers it generated and confirmed."""
        edits: tuple[SelfEdit, ...] = tuple(edit_of(fact) for fact in candidate.facts)
        _, asked = general.halves(self._base, seed, self.profile.locality_probes)
        asker = self._asker(self._base)
        with self.adapters.parent_alone():
            gate = Gate(edits, self._past_edits, asked, self.profile, seed, asker.voice)
        self.put(candidate.factors)
        norm = float(np.sqrt(sum(np.square(b).sum() for b in candidate.factors.b.values())))
        return gate.report(edits, asker.voice, norm), asker.generated, asker.confirmed

    def _asker(self, known: dict[str, Answer]) -> Asker:
        return Asker(self.model, self.encoder, known, lambda: None, "cpu")

    def _composed(self, factors: Factors) -> Path:
        store = Store(self.folder / "store")
        manifest = Manifest("seedling", "seedling", factors.rank, factors.alpha, tuple(sorted(factors.a)))
        delta = store.put(Delta(manifest, factors.a, factors.b))
        return store.compose(Version("v1", "seedling", (delta,)))


def _holds(one: Sealed, answer: Answer) -> bool:
    return one.right(answer.text) and well_formed(answer)


def _save(factors: Factors, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"a {path}": array for path, array in factors.a.items()}
    arrays |= {f"b {path}": array for path, array in factors.b.items()}
    temporary = file.with_suffix(".part.npz")
    np.savez(temporary, rank=factors.rank, alpha=factors.alpha, **arrays)  # type: ignore[arg-type]
    temporary.replace(file)


def _read(file: Path) -> Factors:
    with np.load(file) as stored:
        a = {name[2:]: stored[name] for name in stored.files if name.startswith("a ")}
        b = {name[2:]: stored[name] for name in stored.files if name.startswith("b ")}
        return Factors(int(stored["rank"]), float(stored["alpha"]), a, b)
