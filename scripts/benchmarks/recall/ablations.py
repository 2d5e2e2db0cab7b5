"""What each ablation changes of the recipe, in the words of the setting `learning.profile`.

Each takes out one part and leaves the rest as it is, with one exception: `one-step` also runs without the
gate, which refuses every such candidate, so that what one step does can be seen at all.
"""

from __future__ import annotations

ABLATIONS = {
    "none": "",
    "one-step": (
        "max_steps=1,steps_per_fact=0,min_steps=1,warmup_steps=0,averaged_steps=0,averaged_per_fact=0,gate=false"
    ),
    "no-replay": "replay=0,replay_neighbours=0",
    "no-kl": "anchors=0,kl_weight=0",
    "no-negatives": (
        "neighbours=0,attributes=0,crossed=0,whole_abstentions=0,missed=0,private=0,"
        "replay_neighbours=0,replay_crossed=0,about=0,pool_neighbours=0"
    ),
    "no-crossing": "crossed=0,replay_crossed=0",
    "no-mean": "averaged_steps=0,averaged_per_fact=0",
    "qv-only": "modules=q_proj+v_proj",
    "no-gate": "gate=false",
}
"""Name to overrides. A shipped head start, where the model has one, stays: it carries abstention, and general
answers held, from before; only `qv-only` cannot begin at it."""


def profile(name: str, recipe: str = "") -> str:
    """The value of `learning.profile` for one ablation of a recipe ('' is the one that fits the model)."""
    return ",".join(part for part in (recipe, ABLATIONS[name]) if part)
