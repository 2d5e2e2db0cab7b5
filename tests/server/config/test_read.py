from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from guardian.judges.adapters import ADAPTERS
from server.config import SettingsError, help_text, read_settings
from server.config.guardian import JudgeSettings
from server.config.read import NOT_A_FLAG
from server.config.settings import KeySettings, leaves

KEY = {"name": "ops", "key": "0123456789abcdef", "scopes": ["chat", "operator"]}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LIVEGRAFT_")]:
        monkeypatch.delenv(name)


def refusal(read: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read()
    return caught.value.lines


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("livegraft.toml").write_text(
        "port = 1111\n[learning]\nquorum = 5\nseed = 7\n[rollout]\nweight = 0.3\n"
    )
    monkeypatch.setenv("LIVEGRAFT_LEARNING__QUORUM", "6")
    monkeypatch.setenv("LIVEGRAFT_PORT", "2222")
    settings = read_settings(["--port", "3333"])
    assert settings.port == 3333
    assert settings.learning.quorum == 6
    assert settings.learning.seed == 7
    assert settings.rollout.weight == 0.3
    assert settings.learning.max_attempts == 2


def test_settings_cannot_be_changed_after_they_are_read() -> None:
    settings = read_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    with pytest.raises(ValueError, match="frozen"):
        settings.engine.max_batch = 1


def test_without_keys_only_a_loopback_address_is_allowed() -> None:
    (line,) = refusal(lambda: read_settings(["--host", "0.0.0.0"]))
    assert "host = '0.0.0.0'" in line
    assert "127.0.0.1" in line
    for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
        assert read_settings(["--host", host]).host == host


def test_with_keys_any_address_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGRAFT_KEYS", json.dumps([KEY]))
    assert read_settings(["--host", "0.0.0.0"]).host == "0.0.0.0"


def test_everyone_may_teach_a_keyless_server_and_operators_one_with_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_settings().guardian_policy().global_from == "everyone"
    monkeypatch.setenv("LIVEGRAFT_KEYS", json.dumps([KEY]))
    assert read_settings().guardian_policy().global_from == "operator"
    assert read_settings(["--learning.global-from", "quorum"]).guardian_policy().global_from == "quorum"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--port", "x"], "port = 'x': input should be a valid integer"),
        (["--learning.quorum", "1"], "learning.quorum = '1': input should be greater than or equal to 2"),
        (["--rollout.weight", "nan"], "rollout.weight = 'nan': input should be"),
        (["--log-format", "xml"], "log_format = 'xml': input should be 'human' or 'json'"),
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
        (["--port"], "--port: expected one argument"),
        (["--guardian.toxicity-block", "0.2"], "guardian.toxicity_quarantine = 0.4: must not be above"),
    ],
)
def test_an_invalid_flag_is_one_line_with_name_value_and_what_is_allowed(
    flags: list[str], expected: str
) -> None:
    (line,) = refusal(lambda: read_settings(flags))
    assert expected in line
    assert "\n" not in line


def test_every_wrong_setting_gets_a_line_of_its_own() -> None:
    lines = refusal(lambda: read_settings(["--port", "x", "--engine.max-batch", "0"]))
    assert [line.split(" = ")[0] for line in lines] == ["port", "engine.max_batch"]


def test_a_misspelt_setting_is_refused_with_the_likely_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGRAFT_LEARNING__QUORUN", "3")
    assert refusal(read_settings) == (
        "learning.quorun: there is no such setting; did you mean learning.quorum?",
    )


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "livegraft.toml").write_text("port = = 3")
    (line,) = refusal(read_settings)
    assert line.startswith("livegraft.toml is not valid TOML")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("[{", "is not valid JSON"),
        (json.dumps([{**KEY, "key": "short"}]), "keys.0.key"),
        (json.dumps([{**KEY, "scopes": ["root"]}]), "'chat', 'feedback' or 'operator'"),
        (json.dumps([KEY, KEY]), "two keys have the same name"),
        (json.dumps([KEY, {**KEY, "name": "other"}]), "two keys have the same secret"),
    ],
)
def test_wrong_keys_are_refused_without_showing_a_secret(
    keys: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGRAFT_KEYS", keys)
    lines = refusal(read_settings)
    assert expected in lines[0]
    assert "short" not in "".join(lines).replace("should", "")
    assert str(KEY["key"]) not in "".join(lines)


JUDGE = {
    "name": "safety",
    "adapter": "qwen3guard",
    "base_url": "http://127.0.0.1:8001/v1",
    "model": "Qwen/Qwen3Guard-Gen-4B",
    "key_env": "JUDGE_KEY",
}


def test_judges_are_read_from_the_file(tmp_path: Path) -> None:
    lines = [f'{name} = "{value}"' for name, value in JUDGE.items()]
    more = ['topics = ["toxicity", "bias"]', 'ask = "always"', "timeout_seconds = 2"]
    (tmp_path / "livegraft.toml").write_text("\n".join(["[[guardian.judges]]", *lines, *more]))
    (judge,) = read_settings().guardian_policy().judges
    assert (judge.name, judge.adapter, judge.key_env) == ("safety", "qwen3guard", "JUDGE_KEY")
    assert (judge.topics, judge.ask, judge.timeout_seconds) == (("toxicity", "bias"), "always", 2.0)


def test_judges_are_read_from_a_variable_and_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().guardian_policy().judges == ()
    monkeypatch.setenv("LIVEGRAFT_GUARDIAN__JUDGES", json.dumps([JUDGE]))
    (judge,) = read_settings().guardian_policy().judges
    assert (judge.topics, judge.ask, judge.timeout_seconds) == (("toxicity",), "undecided", 10.0)


@pytest.mark.parametrize(
    ("judges", "expected"),
    [
        ("[{", "guardian.judges = '[{': is not valid JSON"),
        ([{**JUDGE, "adapter": "gpt4"}], "guardian.judges.0.adapter = 'gpt4': input should be 'qwen3guard'"),
        ([{**JUDGE, "model": ""}], "guardian.judges.0.model"),
        ([{"name": "safety"}], "guardian.judges.0.adapter: field required"),
        ([{**JUDGE, "key": "sk-secret1"}], "guardian.judges.0.key: there is no such setting"),
        ([{**JUDGE, "key_env": "sk-secret1"}], "key_env must be the name of an environment variable"),
        ([{**JUDGE, "base_url": "http://u:sk-secret1@h/v1"}], "base_url must hold no user, password"),
        ([{**JUDGE, "base_url": "http://h/v1?key=sk-secret1"}], "base_url must hold no user, password"),
        ([{**JUDGE, "base_url": "judge:8001"}], "must start with http:// or https://"),
        ([{**JUDGE, "base_url": "http://h:99999/v1"}], "base_url is not an address"),
        ([{**JUDGE, "topics": ["grounding"]}], "but qwen3guard judges only bias, toxicity"),
        ([{**JUDGE, "topics": []}], "but qwen3guard judges only bias, toxicity"),
        ([{**JUDGE, "topics": ["weather"]}], "guardian.judges.0.topics.0 = 'weather'"),
        ([{**JUDGE, "timeout_seconds": 0}], "guardian.judges.0.timeout_seconds = 0"),
        ([{**JUDGE, "ask": "never"}], "guardian.judges.0.ask = 'never'"),
        ([JUDGE, JUDGE], "two judges have the same name"),
        ([{**JUDGE, "base_url": "http://localhost:8000/v1"}], "'safety' is this server (port 8000)"),
    ],
)
def test_wrong_judges_are_refused_without_showing_a_secret(
    judges: object, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = judges if isinstance(judges, str) else json.dumps(judges)
    monkeypatch.setenv("LIVEGRAFT_GUARDIAN__JUDGES", text)
    lines = refusal(read_settings)
    assert expected in lines[0]
    assert "sk-secret1" not in "".join(lines)


def test_every_adapter_can_be_configured() -> None:
    assert set(get_args(JudgeSettings.model_fields["adapter"].annotation)) == set(ADAPTERS)


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGRAFT_KEYS", json.dumps([KEY]))
    settings = read_settings()
    assert str(KEY["key"]) not in repr(settings) + repr(settings.api_policy())
    assert settings.api_policy().keys[0].secret == KEY["key"]


def test_help_names_every_setting_but_lists_of_tables_and_secrets() -> None:
    text = help_text()
    for name in leaves():
        assert ("--" + name.replace("_", "-") in text) == (name not in NOT_A_FLAG)


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    for name, documentation in leaves().items():
        assert documentation, f"{name} has no docstring"
        assert f"`{name}`" in page, f"{name} is missing in docs/settings.md"


def test_the_page_documents_no_setting_that_does_not_exist() -> None:
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text()
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    tables = set(KeySettings.model_fields) | set(JudgeSettings.model_fields)
    assert tables <= set(rows)
    assert set(rows) - (tables - set(leaves())) == set(leaves())


def test_the_policy_file_reaches_guardian_and_http(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(
        "name = 'acme-7'\n[retention]\nquarantine_days = 7\n[consent]\nrequired = true\n"
    )
    settings = read_settings(["--guardian.policy-file", "policy.toml", "--guardian.two-persons", "yes"])
    assert settings.guardian_policy().version.startswith("acme-7-")
    assert settings.guardian_policy().data.consent.required
    assert settings.api_policy().data is settings.guardian_policy().data, "it is read once"
    assert (settings.api_policy().quarantine_days, settings.api_policy().two_persons) == (7.0, True)
    assert read_settings().api_policy().quarantine_days == 30.0


def test_a_broken_policy_file_is_refused_with_the_settings_a_line_for_each_mistake(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[consent]\nrequired = 1\n[retention]\ndays = 3\n")
    lines = refusal(lambda: read_settings(["--guardian.policy-file", "policy.toml", "--port", "x"]))
    assert [line for line in lines if line.startswith("policy.toml, line 2: consent.required is 1")]
    assert [line for line in lines if line.startswith("policy.toml, line 4: retention.days there is no such")]
    assert [line for line in lines if line.startswith("port = 'x'")]
    (line,) = refusal(lambda: read_settings(["--guardian.policy-file", "none.toml"]))
    assert line.startswith("none.toml cannot be read (No such file or directory)")


def test_identities_are_read_with_a_strong_secret_only_and_it_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_settings().identity.policy().token_key == ""
    monkeypatch.setenv("LIVEGRAFT_IDENTITY__TOKEN_SECRET", "weak but secret")
    (line,) = refusal(read_settings)
    assert "at least 32 characters" in line
    assert "weak" not in line
    monkeypatch.setenv("LIVEGRAFT_IDENTITY__TOKEN_SECRET", "x" * 32)
    settings = read_settings(["--identity.user-headers", "X-OpenWebUI-User-Id, X-User"])
    policy = settings.api_policy().identity
    assert policy.token_key == "x" * 32
    assert policy.token_algorithms == ("HS256",)
    assert policy.user_headers == ("X-OpenWebUI-User-Id", "X-User")
    assert "x" * 32 not in repr(settings) + repr(policy)


def test_a_key_file_of_identities_must_be_there_hold_a_public_key_and_stand_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = refusal(lambda: read_settings(["--identity.token-public-key-file", "none.pem"]))
    assert "cannot be read" in line
    (tmp_path / "some.pem").write_text("no key")
    (line,) = refusal(lambda: read_settings(["--identity.token-public-key-file", "some.pem"]))
    assert "no public key" in line
    (line,) = refusal(lambda: read_settings(["--identity.token-required", "true"]))
    assert "needs identity.token_secret" in line
    (tmp_path / "some.pem").write_text("-----BEGIN PUBLIC KEY-----")
    settings = read_settings(["--identity.token-public-key-file", "some.pem"])
    assert settings.identity.policy().token_algorithms == ("RS256", "ES256", "EdDSA")
    monkeypatch.setenv("LIVEGRAFT_IDENTITY__TOKEN_SECRET", "x" * 32)
    (line,) = refusal(lambda: read_settings(["--identity.token-public-key-file", "some.pem"]))
    assert "exclude each other" in line


def test_embeddings_come_from_one_place() -> None:
    there = ["--embeddings.base-url", "http://embed:8001/v1"]
    (line,) = refusal(lambda: read_settings(there))
    assert "go together" in line
    (line,) = refusal(
        lambda: read_settings([*there, "--embeddings.model", "m", "--embeddings.model-dir", "d"])
    )
    assert "exclude each other" in line
    assert read_settings([*there, "--embeddings.model", "m"]).embeddings.model == "m"
