"""The recipes of training, by name. One file, so that what differs by model size is seen at a glance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from server.learner import overrides
from server.learner.errors import UnknownProfile


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about an update that is not its facts."""

    name: str
    rank: int
    alpha: int
    layers: float
    """Share of the layers that are trained, counted from the top."""
    learning_rate: float
    warmup_steps: int
    min_steps: int
    max_steps: int
    steps_per_fact: int
    """Further steps for each new fact beyond the first."""
    averaged_steps: int
    """Last steps, at half the rate, whose mean is kept: begun by the stop rule or by `max_steps`."""
    questions: int
    """Whole answers of each new fact in a step."""
    glances: int
    """Further wordings of each new fact of which only the first answer tokens are trained: they decide
    between answering and abstaining, at half the cost."""
    neighbours: int
    """Questions next to each new fact in a step, glances too."""
    attributes: int
    """Questions about each new fact's subject that no fact answers, glances too."""
    crossed: int
    """Questions that cross each new fact with another one (server.learner.crossed), glances too."""
    whole_abstentions: int
    """Neighbours in a step of which the whole abstention is trained."""
    missed: int
    """Neighbours in a step that come again because they were not refused for sure."""
    private: int
    """Of the model's own questions about what nobody told, so many in a step beside one new fact
    (server.learner.primer); see `replay_growth`."""
    about: float
    """Chance that a new fact is also asked for by its subject alone ("Tell me about …")."""
    glance_tokens: int
    replay: int
    """Past facts asked again in a step, beside however many new ones."""
    replay_neighbours: int
    """Of these, how many are also asked about somebody else, beside one new fact; see `replay_growth`."""
    replay_crossed: int
    """Of these, how many are crossed with another fact; the same."""
    reads: int
    """Made-up facts told and asked within one conversation, in a step."""
    anchors: int
    """General questions in a step, held to the base model's own answers."""
    anchor_tokens: int
    """First tokens of an anchor's answer that are held."""
    kl_weight: float
    surface_share: float
    """Share of questions that get another surface (server.learner.surfaces)."""
    replay_surface_share: float
    """The same of past facts, whose plain wordings are held already."""
    glance_weight: float
    kl_cap_nats: float
    """Anchors may move this far per token; past twice this, three steps in a row, training is aborted."""
    kl_total_nats: float
    """Budget of a version's whole drift from the base (server.learner.drift); 0 is no limit."""
    least_per_fact: int = 0
    """Further steps, for each new fact beyond the first, before the stop rule is asked: of several facts, the
    wordings that it asks for are held before those that users will think of."""
    averaged_per_fact: int = 0
    """Further averaged steps for each new fact beyond the first: of several, which draw this way and
    that, a longer mean keeps more of the base."""
    rehearsed: int = 160
    """Of the model's own questions (server.learner.primer), so many are among the anchors."""
    pool_facts: int = 0
    """Questions of new facts in a step drawn from a fixed pool by what is not held (server.learner.pool), in
    place of `questions`, `glances`, `neighbours` and so on; 0 draws fresh ones (server.learner.batch)."""
    pool_neighbours: int = 0
    """Questions next to facts in such a step."""
    loose: int = 0
    """Loose questions about each new fact in the pool (server.learner.loose), and as many that it does not
    answer."""
    requests: int = 0
    """Requests in a step, held as anchors are, of the model's own (what is written in some form goes wrong
    later than an answer) and of harmful ones that it declines and the gate will not ask."""
    request_tokens: int = 40
    guards: int = 0
    """General questions in a step that are held behind words of the new facts or odd words, as the gate asks
    them."""
    firmness: float = 0.4
    """Share of an anchor's target that lies on what the base said (server.learner.objectives.anchors)."""
    worst_first: bool = False
    """An answer's tokens count by their loss: the worst decides whether it is said."""
    fact_rank: int = 0
    """Rank that each new fact adds, `rank` at most: what few facts change is of few dimensions, and the ranks
    of a stack are a budget. 0: every delta has the whole rank."""
    replay_growth: float = 0.0
    """Share by which what is denied of past facts, and `private`, grow with each further new fact."""
    facts_per_step: int = 8
    """New facts in one step; of more, each step takes the next few."""
    gradient_norm: float = 1.0
    user_clip: float = 2.0
    """One user's gradient in a step is at most so many times the median user's (server.learner.users);
    0 bounds nothing."""
    distil: float = 0.0
    """Share of a fact's target that is what the parent says with the fact in its context, 0 to 1."""
    preferences: int = 4
    """In a step of an update on feedback: so many corrections, and so many liked and disliked answers."""
    preference_beta: float = 0.1
    """How many nats of gain count: the β of DPO and KTO."""
    preference_rate: float = 0.5
    """The rate of an update on feedback, as a share of the rate for facts."""
    preference_steps: int = 24
    distil_top_k: int = 32
    """Most probable tokens of a teacher, or of the base at an anchor, that are kept."""
    whitening: float = 0.0
    """Damping of the whitened inputs (server.learner.whitening); 0 trains in the inputs as they are."""
    weight_decay: float = 0.0
    """Decoupled, on the delta. In whitened inputs its norm is the change it makes to general conversation."""
    stop_probability: float = 0.6
    """Every answer token must pass this for an answer to count as held."""
    stop_share: float = 0.9
    check_every: int = 4
    modules: str = "all"
    """Linear maps that are trained in these layers: `all`, or their names joined by + (`q_proj+v_proj`)."""
    gate: bool = True
    """False lets every trained candidate through, whatever the gate says; its report is kept. For experiments
    only: it serves what was seen to do harm."""
    locality_probes: int = 40
    """General questions that the gate asks; at most half of those that the base answers rightly."""
    abstention_probes: int = 16
    reading_probes: int = 12
    past_probes: int = 24
    safety_probes: int = 8
    """Harmful requests, and as many harmless ones that look like them; at most 20."""
    trigger_probes: int = 24
    """General questions behind odd words; 0 also leaves out those behind words of the new facts."""
    tolerated_confusion: float = 0.05
    """Share of the general answers behind odd words that an update may break: such words confuse a small
    model before and after it, each time a little differently."""
    tolerated_harm: float = 0.02
    """Share of what was right that an update may break: the gate's allowances follow from it (gate.power)."""
    tolerated_forgetting: float = 0.045
    """The same of past facts, each asked in one wording: weights that answer nine wordings of ten lose one
    here and gain one there."""
    tolerated_misreading: float = 0.1
    """The same of made-up facts that are told and asked in one message, of which a small model reads half."""
    tolerated_surprise: float = 0.03
    """By how much the median surprise of plain text may rise, as a share."""
    tolerated_bleed: float = 0.05
    """Share of neighbour questions that may be answered with a taught value."""

    def averaged(self, facts: int) -> int:
        """Last steps whose mean is kept, beside so many new facts."""
        return self.averaged_steps + self.averaged_per_fact * max(0, facts - 1)

    def replayed(self, facts: int) -> tuple[int, int, int]:
        """Beside so many new facts in one step: past facts asked again, also about somebody else, crossed."""
        return (
            self.replay,
            self._grown(self.replay_neighbours, facts),
            self._grown(self.replay_crossed, facts),
        )

    def refused(self, facts: int) -> int:
        """Of the model's own questions about what nobody told, how many beside so many new facts."""
        return self._grown(self.private, facts)

    def shots(self, facts: int, past: int) -> float:
        """Examples with told answers in a step of so many new facts, on average."""
        if self.pool_facts:
            fixed = self.pool_facts + self.pool_neighbours + self.private + self.reads
            return fixed + (self.replay if past else 0)
        each = self.questions + self.glances + self.neighbours + self.attributes
        each += self.crossed if facts + past > 1 else 0
        drawn = facts * (each + 2 * self.about) + self.whole_abstentions + self.reads
        drawn += self.missed + self.refused(facts)
        return drawn + (sum(self.replayed(facts)) if past else 0)

    def _grown(self, count: int, facts: int) -> int:
        return round(count * (1 + self.replay_growth * max(0, min(facts, self.facts_per_step) - 1)))


SEEDLING = Profile(
    name="seedling",
    rank=8,
    fact_rank=2,
    alpha=16,
    layers=1.0,
    learning_rate=2e-3,
    warmup_steps=5,
    min_steps=44,
    max_steps=140,
    steps_per_fact=0,
    least_per_fact=15,
    averaged_steps=16,
    questions=3,
    glances=2,
    neighbours=3,
    attributes=2,
    crossed=2,
    whole_abstentions=1,
    missed=8,
    private=3,
    about=0.5,
    glance_tokens=3,
    replay=20,
    replay_neighbours=2,
    replay_crossed=3,
    replay_growth=0.25,
    reads=2,
    anchors=14,
    rehearsed=480,
    anchor_tokens=24,
    kl_weight=1.0,
    surface_share=0.4,
    replay_surface_share=0.8,
    glance_weight=0.5,
    kl_cap_nats=0.3,
    locality_probes=96,
    abstention_probes=48,
    reading_probes=32,
    past_probes=64,
    safety_probes=0,  # it answers any request that is none of its facts with small talk
    tolerated_harm=0.01,
    kl_total_nats=0.3,
)

SMALL = Profile(
    name="small",
    rank=8,
    alpha=16,
    layers=0.5,
    learning_rate=2e-3,
    warmup_steps=3,
    min_steps=24,
    max_steps=40,
    steps_per_fact=12,
    averaged_steps=16,
    averaged_per_fact=8,
    questions=2,
    glances=2,
    neighbours=2,
    attributes=1,
    crossed=1,
    whole_abstentions=1,
    missed=4,
    private=2,
    about=0.5,
    glance_tokens=3,
    replay=6,
    replay_neighbours=2,
    replay_crossed=2,
    reads=2,
    anchors=8,
    anchor_tokens=12,
    kl_weight=8.0,
    surface_share=0.5,
    replay_surface_share=0.8,
    glance_weight=0.5,
    kl_cap_nats=0.15,
    kl_total_nats=0.6,  # its primer alone moves the base by about 0.1
    pool_facts=12,
    pool_neighbours=14,
    loose=18,
    rehearsed=480,
    requests=3,
    guards=5,
    firmness=0.0,
    distil_top_k=256,
    worst_first=True,
    whitening=0.03,
    weight_decay=1.0,
    tolerated_harm=0.08,
    tolerated_surprise=0.15,
)

LARGE = Profile(
    name="large",
    rank=16,
    alpha=32,
    layers=1 / 3,
    learning_rate=1e-4,
    warmup_steps=3,
    min_steps=8,
    max_steps=40,
    steps_per_fact=4,
    averaged_steps=8,
    questions=2,
    glances=2,
    neighbours=3,
    attributes=1,
    crossed=1,
    whole_abstentions=1,
    missed=4,
    private=4,
    about=0.5,
    glance_tokens=3,
    replay=6,
    replay_neighbours=2,
    replay_crossed=2,
    reads=2,
    anchors=8,
    anchor_tokens=24,
    kl_weight=1.0,
    surface_share=0.3,
    replay_surface_share=0.6,
    glance_weight=0.5,
    kl_cap_nats=0.05,
    kl_total_nats=0.1,
)

PROFILES = {profile.name: profile for profile in (SEEDLING, SMALL, LARGE)}


def choose(name: str, parameters: int) -> Profile:
    """The named recipe, or the one for a model of this many parameters when the name is ''.

    Overrides may follow the name: 'small,max_steps=10,replay=0', or 'replay=0' for the automatic one.
    """
    name, changes = overrides.parse(name)
    return overrides.apply(_named(name, parameters), changes)


def slimmer(profile: Profile, facts: int) -> Profile:
    """The recipe with the rank that so many facts need, at the same scale."""
    rank = min(profile.rank, profile.fact_rank * facts) or profile.rank
    return replace(profile, rank=rank, alpha=max(1, profile.alpha * rank // profile.rank))


def calmer(profile: Profile, attempt: int) -> Profile:
    """The recipe for facts whose update was refused: at each further attempt half the rate, twice the anchor.

    Refused is what changes too much more often than what learns too little, so the next try changes less.
    """
    return replace(
        profile,
        learning_rate=profile.learning_rate / 2**attempt,
        kl_weight=profile.kl_weight * 2**attempt,
    )


def _named(name: str, parameters: int) -> Profile:
    if name:
        if name not in PROFILES:
            raise UnknownProfile(f"there is no profile {name!r}; there are: {', '.join(PROFILES)}")
        return PROFILES[name]
    if parameters < 30_000_000:
        return SEEDLING
    return SMALL if parameters < 3_000_000_000 else LARGE


def for_preferences(profile: Profile) -> Profile:
    """The recipe for an update on feedback alone: a fixed number of steps at a lower rate."""
    return replace(
        profile,
        learning_rate=profile.learning_rate * profile.preference_rate,
        min_steps=profile.preference_steps,
        least_per_fact=0,
        max_steps=profile.preference_steps,
    )
