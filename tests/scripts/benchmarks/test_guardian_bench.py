from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmarks.guardian import _parser, measured, policy_of
from scripts.benchmarks.suites import measure
from tests.support.judge_endpoint import completion, judge_endpoint


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
    with pytest.raises(SystemExit, match="must be ADAPTER"):
        policy_of("judges", options("--judge", "qwen3guard"))
    with pytest.raises(SystemExit, match="no adapter 'oracle'"):
        policy_of("judges", options("--judge", "oracle,http://127.0.0.1:1/v1,m"))


def test_a_folder_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--suites", "/nowhere/at/all")
    assert "is not a folder" in capsys.readouterr().err


def test_a_judge_behind_an_endpoint_is_asked_and_its_answer_counts(tmp_path: Path) -> None:
    (tmp_path / "test_suite_cases.csv").write_text(
        "functionality,test_case,label_gold\nfact,The library opens at 9 am.,non-hateful\n"
        "rude,This damn weather ruined my whole weekend.,hateful\n"
    )

    def judged(asked: dict[str, Any]) -> bytes:
        unsafe = "damn" in json.dumps(asked)
        return completion(f"Safety: {'Unsafe' if unsafe else 'Safe'}\nCategories: None\nRefusal: No")

    with judge_endpoint() as endpoint:
        endpoint.body = judged
        policy = policy_of("judges", options("--judge", f"qwen3guard,{endpoint.url},guard"))
        unsure = replace(policy, toxicity_quarantine=1e-6, toxicity_block=1.0)
        figures = measure.hate_check(tmp_path, unsure, 0)["all"].figures()
    assert {request["model"] for request in endpoint.requests} == {"guard"}
    assert (figures["recall"], figures["false_blocks"], figures["auc"]) == (1.0, 0.0, 1.0)
