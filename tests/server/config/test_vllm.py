"""The vllm engine's settings: read from flags, variables and the file, and refused with what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.config import SettingsError, read_settings
from server.engine.types import EngineError
from server.replicas import vllm_options


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_lists_come_as_text_and_arguments_as_in_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGRAFT_VLLM__ARGUMENTS", '--dtype float32 --override \'{"a": 1, "b": 2}\'')
    settings = read_settings(["--vllm.urls", "http://a:1, https://b:2/v1", "--engine.kind", "vllm"])
    assert settings.vllm.urls == ("http://a:1", "https://b:2/v1")
    assert settings.vllm.arguments == ("--dtype", "float32", "--override", '{"a": 1, "b": 2}')


def test_a_file_may_give_several_cards_to_one_process(tmp_path: Path) -> None:
    (tmp_path / "livegraft.toml").write_text('[vllm]\nreplicas = 2\ndevices = ["0,1", "2,3"]\n')
    assert read_settings().vllm.devices == ("0,1", "2,3")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--vllm.urls", "gpu-1:8001"], "vllm.urls: gpu-1:8001 must be like http://host:8001"),
        (["--vllm.urls", "http://a:b@gpu:1"], "vllm.urls: .* without a password"),
        (["--vllm.urls", "http://a:1,http://a:1"], "vllm.urls: an address is given twice"),
        (
            ["--vllm.replicas", "2", "--vllm.devices", "0"],
            "vllm.devices names 1 devices for vllm.replicas = 2",
        ),
        (
            ["--engine.kind", "vllm", "--learning.max-rank", "600"],
            "learning.max_rank = 600: vLLM serves ranks",
        ),
        (["--engine.kind", "vllm", "--workers", "2"], "workers = 2: each would start .* vllm.urls"),
        (["--vllm.arguments", "--a 'b"], "vllm.arguments = .*quotation"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting(flags: list[str], line: str) -> None:
    with pytest.raises(SettingsError, match=line):
        read_settings(flags)


def test_the_key_comes_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--vllm.urls", "http://a:1", "--vllm.key-env", "GPU_KEY"]
    with pytest.raises(EngineError, match=r"vllm\.key_env names GPU_KEY, and that variable is not set"):
        vllm_options(read_settings(flags))
    monkeypatch.setenv("GPU_KEY", "secret")
    assert vllm_options(read_settings(flags)).api_key == "secret"


def test_processes_of_our_own_get_a_key_that_nobody_knows() -> None:
    keys = {vllm_options(read_settings()).api_key for _ in range(2)}
    assert len(keys) == 2
    assert all(len(key) == 32 for key in keys)
