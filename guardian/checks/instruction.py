"""Text that tells the model how to behave. Only facts go into shared weights."""

from __future__ import annotations

from guardian.instruction_shapes import SHAPES, Shape
from guardian.types import Candidate, Decision, Finding, Part, Scope, Source, Span
from guardian.unicode import canonical, folded_readings


class InstructionShape:
    """Quarantines, at most for the user alone, what reads as an order to the model, wherever it stands.

    Forged turns and orders to ignore instructions block when they stand in the example itself.
    Not covered: languages other than English, orders dressed as plain facts ('AcmeVPN is what experts say'),
    and triggers without a shape in words (rare tokens whose answers are alike).
    """

    name = "instruction"
    backend = "embedded"

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """The first shape of each part, the user's message included."""
        found = [
            *self._part("prompt", candidate.prompt),
            *self._part("completion", candidate.completion),
        ]
        shape = self._match(source.text)
        if shape:
            reason = f"The user's message gives an order to the model. {shape[0].what}"
            found.append(self._finding(f"source_{shape[0].id}", reason, Decision.QUARANTINE))
        return tuple(found)

    def _part(self, part: Part, text: str) -> tuple[Finding, ...]:
        shape = self._match(text)
        if not shape:
            return ()
        action = Decision.BLOCK if shape[0].forged else Decision.QUARANTINE
        spans = (shape[1],) if shape[1] else ()
        return (self._finding(shape[0].id, shape[0].what, action, part, spans),)

    def _match(self, text: str) -> tuple[Shape, Span | None] | None:
        plain = canonical(text)
        straight = plain.text.replace("’", "'")
        for shape in SHAPES:
            match = shape.pattern.search(straight)
            if match:
                return shape, plain.span(match.start(), match.end())
        for reading in folded_readings(text):
            if reading != straight.casefold():
                for shape in SHAPES:
                    if shape.pattern.search(reading):
                        return shape, None
        return None

    def _finding(
        self,
        label: str,
        evidence: str,
        action: Decision,
        part: Part = "completion",
        spans: tuple[Span, ...] = (),
    ) -> Finding:
        scope = Scope.NONE if action is Decision.BLOCK else Scope.USER
        return Finding(
            self.name,
            self.backend,
            action,
            scope,
            label=label,
            score=1.0,
            threshold=1.0,
            part=part,
            spans=spans,
            evidence=evidence,
        )
