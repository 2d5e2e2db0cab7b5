"""Recipes with changes: what is understood, what is refused, and that every ablation can be trained."""

import dataclasses
import re
from pathlib import Path

import pytest

from server.config import SettingsError, read_settings
from server.learner.errors import UnknownProfile
from server.learner.profiles import SEEDLING, SMALL, choose


def test_changes_follow_the_name_of_a_recipe_or_stand_alone() -> None:
    changed = choose("small,max_steps=10, kl_weight=2 ,gate=false,modules=q_proj+v_proj", 0)
    assert changed.name == "small,max_steps=10,kl_weight=2,gate=false,modules=q_proj+v_proj"
    assert dataclasses.replace(
        SMALL, name=changed.name, max_steps=10, kl_weight=2.0, gate=False, modules="q_proj+v_proj"
    ) == (changed)
    assert choose("replay=0", 1_000_000) == dataclasses.replace(SEEDLING, name="seedling,replay=0", replay=0)
    assert choose(",replay=0", 1_000_000) == choose("replay=0", 1_000_000)
    assert choose("", 1_000_000) is SEEDLING


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("medium,replay=0", "there is no profile 'medium'; there are: seedling, small, large"),
        ("small,max_step=1", "no field 'max_step' to set; did you mean max_steps?"),
        ("small,name=other", "no field 'name'"),
        ("small,replay=half", "replay=half: replay of a profile is a whole number"),
        ("small,replay=1.5", "is a whole number"),
        ("small,kl_weight=much", "kl_weight of a profile is a number"),
        ("small,kl_weight=nan", "kl_weight of a profile must be at least 0"),
        ("small,gate=maybe", "gate of a profile is true or false"),
        ("small,replay=-1", "must be at least 0"),
        ("small,max_steps=0", "must be at least 1"),
        ("small,layers=2", "must be from 0 to 1"),
        ("small,replay", "'replay' in the profile 'small,replay' is not of the form field=value"),
        ("small,", "'' in the profile"),
        ("replay=1,replay=2", "sets replay twice"),
    ],
)
def test_what_a_recipe_cannot_be_changed_to_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(UnknownProfile, match=re.escape(why)):
        choose(text, 0)


def test_a_server_refuses_a_wrong_recipe_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(["--learning.profile", "small,replay=0"]).learning.profile == "small,replay=0"
    with pytest.raises(SettingsError, match=r"learning\.profile = 'small,replays=0'.*did you mean replay"):
        read_settings(["--learning.profile", "small,replays=0"])
