from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from scripts.benchmarks.guardian import _parser, measured, policy_of
from scripts.benchmarks.suites import measure
from scripts.benchmarks.suites.files import NotMeasured


def options(*given: str) -> argparse.Namespace:
    return _parser().parse_args(given)


@pytest.fixture(autouse=True)
def _only_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the project's own data only the quickest suite is measured here."""
    monkeypatch.setattr(measure, "OWN", {"own: secrets": measure.secrets})


def test_a_column_without_weights_says_so() -> None:
    for column in ("local models", "judges"):
        assert measured(column, options())["figures"] == {"everything": "not measured: no weights"}


def test_suites_that_were_not_given_or_are_not_in_the_folder_say_so(tmp_path: Path) -> None:
    assert measured("embedded", options())["figures"]["HateCheck"] == "not measured: no --suites"
    found = measured("embedded", options("--suites", str(tmp_path)))["figures"]
    assert found["HateCheck"] == "not measured: test_suite_cases.csv is not there"
    assert found["Breaking-NLI"].startswith("not measured: ")


def test_a_model_folder_becomes_the_policy_of_its_column(tmp_path: Path) -> None:
    policy = policy_of("local models", options("--toxicity-model-dir", str(tmp_path)))
    assert policy.toxicity_model_dir == str(tmp_path)
    assert policy_of("embedded", options("--toxicity-model-dir", str(tmp_path))).toxicity_model_dir == ""


def test_weights_that_cannot_be_loaded_are_a_reason_and_no_figure(tmp_path: Path) -> None:
    (tmp_path / "test_suite_cases.csv").write_text("functionality,test_case,label_gold\na,b,hateful\n")
    given = options("--suites", str(tmp_path), "--toxicity-model-dir", str(tmp_path))
    found = measured("local models", given)["figures"]
    assert "has no config.json" in found["HateCheck"]


def test_a_judge_that_is_not_spelled_right_is_refused() -> None:
    with pytest.raises((SystemExit, NotMeasured)):
        policy_of("judges", options("--judge", "qwen3guard"))


def test_a_folder_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--suites", "/nowhere/at/all")
    assert "is not a folder" in capsys.readouterr().err
