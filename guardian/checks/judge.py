"""What the other checks left undecided is put to judge models behind OpenAI-compatible endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guardian.errors import JudgeError
from guardian.judges.adapters import ADAPTERS
from guardian.judges.client import JudgeClient
from guardian.judges.text import case_of
from guardian.judges.types import Opinion, Reply, Request, UnreadableReply
from guardian.lifting import liftable
from guardian.types import (
    Candidate,
    Decision,
    Finding,
    RemoteJudge,
    Scope,
    Settled,
    Source,
    Status,
    Topic,
)

LIFT_BELOW = 0.2
BLOCK_FROM = 0.8
"""Below the first score a judge clears, from the second on it condemns, in between it is not sure. Chosen,
not tuned: the judges' weights are not part of this project. Qwen3Guard's 'Controversial' lies in between."""
_CONDEMNED: dict[Topic, str] = {
    "toxicity": "finds the answer harmful",
    "bias": "finds that the answer judges people by their group",
    "grounding": "finds that the user's message does not say this",
    "contradiction": "finds that this contradicts a verified fact",
}


class RemoteJudges:
    """Asks every judge that is configured for a topic; the most severe opinion counts.

    Asked is only where asking can matter: never when something else already blocks the example, repairs it or
    sends it to a person for certain, so that no secret leaves the machine that another check has seen. `ask =
    "undecided"`: only about topics that a check left in quarantine and `guardian.lifting` allows to lift.
    When all judges of a topic clear it, its findings are lifted; a judge that condemns blocks, except that a
    contradiction of verified facts stays for a person: either side may be out of date. One that is not sure,
    or cannot answer, leaves it in quarantine.
    Not covered: a judge's own mistakes, and text that talks a judge round in plain words. A judge is a model
    that reads what it judges; that is why it can lift only what was undecided.
    """

    name = "judge"

    def __init__(self, judges: tuple[RemoteJudge, ...]) -> None:
        self._clients = [JudgeClient(judge) for judge in judges]
        self.backend = "+".join(_backend(judge) for judge in judges)

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """As if nothing had been found so far: only judges that are always asked are."""
        return self.settle(candidate, source, ()).findings

    def settle(self, candidate: Candidate, source: Source, findings: tuple[Finding, ...]) -> Settled:
        """Opinions as findings, and what they lift. A judge that fails is a finding in error."""
        open_ = {i: f for i, f in enumerate(findings) if f.action > Decision.ALLOW and not f.lifted_by}
        if not all(liftable(finding) for finding in open_.values()):
            return Settled()
        undecided = {finding.check for finding in open_.values()}
        hearing = _Hearing(candidate, source)
        for client in self._clients:
            hearing.hear(client, undecided)
        lifted = {i: who for i, f in open_.items() if (who := hearing.cleared_by(f.check))}
        return Settled(tuple(hearing.findings()), lifted)

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()


@dataclass(frozen=True, slots=True)
class _Heard:
    judge: RemoteJudge
    topic: Topic
    opinion: Opinion | None
    """None: it could not be had, for the reason in `failure`."""
    failure: str = ""

    @property
    def clears(self) -> bool:
        return self.opinion is not None and self.opinion.score < LIFT_BELOW


class _Hearing:
    """All opinions about one example."""

    def __init__(self, candidate: Candidate, source: Source) -> None:
        self._candidate = candidate
        self._source = source
        self._heard: list[_Heard] = []

    def hear(self, client: JudgeClient, undecided: set[str]) -> None:
        """Ask one judge about each of its topics that matters. The same question is asked once."""
        judge = client.judge
        known: dict[str, Opinion] = {}
        failure = ""
        for topic in judge.topics:
            if judge.ask == "undecided" and topic not in undecided:
                continue
            if topic == "contradiction" and not self._source.known.verified:
                continue
            adapter = ADAPTERS[judge.adapter]
            request = adapter.messages(case_of(self._candidate, self._source, topic))
            opinion = known.get(repr(request))
            if opinion is None and not failure:
                try:
                    opinion = known[repr(request)] = self._read(client, request)
                except JudgeError as error:
                    failure = str(error)
            self._heard.append(_Heard(judge, topic, opinion, failure))

    def cleared_by(self, topic: str) -> str:
        """Who cleared the topic, in words; '' unless all who were asked did."""
        heard = [h for h in self._heard if h.topic == topic]
        return " and ".join(_who(h) for h in heard) if all(h.clears for h in heard) else ""

    def findings(self) -> Iterator[Finding]:
        """What the judges object to, and one error for each judge that failed."""
        failed: set[str] = set()
        for heard in self._heard:
            if heard.opinion is not None and not heard.clears:
                yield _objection(heard, heard.opinion)
            elif heard.opinion is None and heard.judge.name not in failed:
                failed.add(heard.judge.name)
                yield _error(heard)

    def _read(self, client: JudgeClient, request: Request) -> Opinion:
        reply: Reply = client.ask(request)
        adapter = client.judge.adapter
        try:
            return ADAPTERS[adapter].opinion(reply)
        except UnreadableReply as error:
            client.fail(f"gave a reply that {error}: check that the model belongs to the adapter {adapter}")


def _objection(heard: _Heard, opinion: Opinion) -> Finding:
    sure = opinion.score >= BLOCK_FROM
    may_block = sure and heard.topic != "contradiction"
    says = _CONDEMNED[heard.topic] if sure else f"is not sure about {heard.topic}"
    return Finding(
        RemoteJudges.name,
        _backend(heard.judge),
        Decision.BLOCK if may_block else Decision.QUARANTINE,
        Scope.NONE,
        label=heard.topic,
        score=opinion.score,
        threshold=BLOCK_FROM if sure else LIFT_BELOW,
        evidence=f"The judge '{heard.judge.name}' ({heard.judge.model}) {says} ({opinion.label}).",
    )


def _error(heard: _Heard) -> Finding:
    return Finding(
        RemoteJudges.name,
        _backend(heard.judge),
        Decision.QUARANTINE,
        Scope.NONE,
        Status.ERROR,
        label="judge_error",
        evidence=f"{heard.failure} What it should have judged waits.",
    )


def _who(heard: _Heard) -> str:
    assert heard.opinion is not None
    said = f"{heard.opinion.label}, {heard.opinion.score:.2f}"
    return f"the judge '{heard.judge.name}' ({heard.judge.model}: {said})"


def _backend(judge: RemoteJudge) -> str:
    return f"remote:{judge.name}"
