"""The composition root: imports without torch, refuses a home of another base, starts and stops whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.app import Livegraft, OtherBase, check_base
from server.config import read_settings
from server.engine.fake import FakeEngine


def test_the_server_can_be_imported_where_torch_is_not_installed() -> None:
    hide = "import sys; [sys.modules.__setitem__(n, None) for n in ('torch', 'transformers', 'peft')]; "
    done = subprocess.run(
        [sys.executable, "-c", hide + "import server.app, server.__main__"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_home_remembers_its_base_and_refuses_another_saying_what_to_do(tmp_path: Path) -> None:
    check_base(tmp_path, FakeEngine(model_name="one"))
    check_base(tmp_path, FakeEngine(model_name="one"))
    with pytest.raises(OtherBase, match="Serve one again, or give --home another folder"):
        check_base(tmp_path, FakeEngine(model_name="two"))


async def test_a_server_that_starts_under_another_data_policy_writes_it_down_and_applies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--engine.kind", "fake", "--learning.enabled", "false", "--home", "home"]
    flags += ["--guardian.process", "false"]
    checks = "instruction,secrets,personal_data,rare_fragments,grounding,toxicity,bias,contradiction"
    rows = []
    for text in (
        "name = 'first'",
        "name = 'first' # the same",
        "name = 'second'\n[consent]\nrequired = true",
    ):
        (tmp_path / "policy.toml").write_text(text)
        given = ["--guardian.policy-file", "policy.toml", "--guardian.disabled-checks", checks]
        livegraft = Livegraft(read_settings([*flags, *given]))
        await livegraft.start()
        await livegraft.reviews.step()
        rows = [row for row in livegraft.ledger.audit() if row.action == "policy"]
        asked = livegraft.context.policy.data.consent.required
        await livegraft.stop()
    assert [row.after.split("-")[0] for row in rows if row.after] == ["second", "first"]
    assert rows[0].before == rows[1].after
    assert rows[0].actor == "server"
    assert asked
