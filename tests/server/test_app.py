"""The composition root: imports without torch, refuses a home of another base, starts and stops whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.app import OtherBase, check_base
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
