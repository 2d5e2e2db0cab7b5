"""The local NLI model, on tiny checkpoints made here: loading, label order, and what it decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from guardian import Candidate, CheckUnavailable, Decision, Guardian, Known, Policy, Source, Statement, Status
from guardian.checks.contradiction import Contradiction
from guardian.checks.grounding import Grounding
from guardian.checks.nli import CrossEncoderNLI
from tests.support.tiny_bert import SPECIAL, Touches, tiny_bert, write_tokenizer

ORDER = ["entailment", "neutral", "contradiction"]
WORDS = [*SPECIAL, *["the", "library", "in", "arden", "opens", "at", "9", "am"]]
LIBRARY = "The library in Arden opens at 9 am."
VISIT = "You can visit the library in Arden from 9 am."


def checkpoint(folder: Path, labels: list[str], says: str = "") -> Path:
    """One layer, 16 wide, random; with `says` its bias makes that label near certain."""
    model = tiny_bert(WORDS, labels, 300)
    if says:
        with torch.no_grad():
            model.classifier.bias[labels.index(says)] += 20.0
    write_tokenizer(folder, WORDS)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("labels", [ORDER, ["contradiction", "entailment", "neutral"]])
def test_the_order_of_labels_is_read_from_the_config(tmp_path: Path, labels: list[str]) -> None:
    (reading,) = CrossEncoderNLI(checkpoint(tmp_path / "nli", labels, "entailment"))([(LIBRARY, VISIT)])
    assert reading.entailment > 0.99
    assert reading.entailment + reading.neutral + reading.contradiction == pytest.approx(1.0, abs=1e-5)


def test_a_folder_without_its_parts_is_refused_at_once_and_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckUnavailable, match="is not a folder"):
        CrossEncoderNLI(tmp_path / "nowhere")
    with pytest.raises(CheckUnavailable, match=r"config\.json"):
        CrossEncoderNLI(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckUnavailable, match="no weights"):
        CrossEncoderNLI(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckUnavailable, match="no tokenizer"):
        CrossEncoderNLI(tmp_path)
    (tmp_path / "vocab.txt").write_text("")
    with pytest.raises(CheckUnavailable, match="not JSON"):
        CrossEncoderNLI(tmp_path)


def test_a_model_of_two_labels_is_refused_and_told_which_are_needed(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "binary", ["entailment", "not_entailment"])
    with pytest.raises(CheckUnavailable, match="entailment, not_entailment; a model with the three labels"):
        CrossEncoderNLI(folder)


def test_a_model_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "nli", ORDER)
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "classifier" not in k}, folder / "model.safetensors")
    with pytest.raises(CheckUnavailable, match=r"lack classifier\."):
        CrossEncoderNLI(folder)([(LIBRARY, VISIT)])


def test_broken_weights_are_an_error_finding_and_an_alarm(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "nli", ORDER)
    (folder / "model.safetensors").write_bytes(b"not weights")
    guardian = Guardian(Policy(nli_model_dir=str(folder)))
    verdict = guardian.judge(Candidate("", VISIT), Source(LIBRARY, "ada"))
    errors = [f.check for f in verdict.findings if f.status is Status.ERROR]
    assert errors == ["grounding"]
    assert not verdict.allowed
    (alarm,) = guardian.health()
    assert alarm.startswith("grounding: cannot run: ")
    assert str(folder) in alarm


def test_a_missing_folder_is_an_alarm_of_both_checks_and_nothing_is_allowed(tmp_path: Path) -> None:
    guardian = Guardian(Policy(nli_model_dir=str(tmp_path / "nowhere")))
    assert not guardian.judge(Candidate("", LIBRARY), Source(LIBRARY, "ada")).allowed
    assert {alarm.split(":")[0] for alarm in guardian.health()} == {"grounding", "contradiction"}


@pytest.mark.parametrize(
    ("says", "expected"),
    [("entailment", []), ("neutral", [Decision.QUARANTINE]), ("contradiction", [Decision.BLOCK])],
)
def test_the_model_decides_about_what_words_leave_undecided(
    tmp_path: Path, says: str, expected: list[Decision]
) -> None:
    check = Grounding(Policy(nli_model_dir=str(checkpoint(tmp_path / "nli", ORDER, says))))
    found = check(Candidate("", VISIT), Source(LIBRARY, "ada"))
    assert [finding.action for finding in found] == expected


def test_the_model_never_outweighs_a_veto(tmp_path: Path) -> None:
    check = Grounding(Policy(nli_model_dir=str(checkpoint(tmp_path / "nli", ORDER, "entailment"))))
    found = check(Candidate("", "The library in Arden opens at 8 am."), Source(LIBRARY, "ada"))
    assert "new_number" in [finding.label for finding in found]
    assert all(finding.action is Decision.BLOCK for finding in found)


def test_a_contradiction_that_only_the_model_sees_waits_for_a_person(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "nli", ORDER, "contradiction")
    check = Contradiction(Policy(nli_model_dir=str(folder)))
    known = Known(verified=(Statement("e7", "olu", "Nobody may enter the library in Arden before noon."),))
    (finding,) = check(Candidate("", LIBRARY), Source(LIBRARY, "ada", known=known))
    assert (finding.action, finding.backend) == (Decision.QUARANTINE, "nli:bert")
    assert "e7" in finding.evidence


def test_weights_that_would_run_code_are_not_loaded(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "nli", ORDER)
    ran = tmp_path / "ran"

    (folder / "model.safetensors").unlink()
    torch.save({"classifier.weight": Touches(ran)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckUnavailable, match="cannot be loaded"):
        CrossEncoderNLI(folder)([(LIBRARY, VISIT)])
    assert not ran.exists()
    assert json.loads((folder / "config.json").read_text())["model_type"] == "bert"
