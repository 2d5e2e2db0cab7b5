"""The loader of local weights, on a tiny checkpoint made here: a Hugging Face folder and a Detoxify .ckpt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from guardian import Candidate, CheckUnavailable, Decision, Guardian, Policy, Source
from guardian.checks.toxicity_model import LocalModel
from tests.support.tiny_bert import SPECIAL, Touches, tiny_bert, write_tokenizer

LABELS = ["toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack"]
WORDS = [*SPECIAL, "the", "port", "is", "22", ".", "zorg"]


def tiny_model(labels: list[str], heads: int | None = None) -> BertForSequenceClassification:
    """One layer, 16 wide; its first head says 'toxic' to whatever holds 'zorg'."""
    return tiny_bert(WORDS, labels, 64, heads)


def write_config_and_tokenizer(folder: Path, model: BertForSequenceClassification) -> None:
    write_tokenizer(folder, WORDS)
    model.config.save_pretrained(folder)


def expected(model: BertForSequenceClassification, text: str, heads: list[int]) -> float:
    ids = [2, *(WORDS.index(word) if word in WORDS else 1 for word in text.split()), 3]
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0]
    return float(torch.sigmoid(logits)[heads].max())


@pytest.fixture
def hugging_face(tmp_path: Path) -> tuple[Path, BertForSequenceClassification]:
    model = tiny_model(LABELS)
    write_config_and_tokenizer(tmp_path / "hf", model)
    model.save_pretrained(tmp_path / "hf")
    return tmp_path / "hf", model


@pytest.fixture
def checkpoint(tmp_path: Path) -> tuple[Path, BertForSequenceClassification]:
    """Like Detoxify's unbiased: ten more heads that name identities, and a leftover buffer."""
    model = tiny_model(LABELS, heads=16)
    write_config_and_tokenizer(tmp_path / "ckpt", model)
    state = {**model.state_dict(), "bert.embeddings.position_ids": torch.arange(64)[None]}
    arguments = {
        "num_classes": 16,
        "model_type": "bert-base-uncased",
        "model_name": "B",
        "tokenizer_name": "B",
    }
    config = {"arch": {"type": "BERT", "args": arguments}, "dataset": {"args": {"classes": LABELS}}}
    torch.save({"config": config, "state_dict": state}, tmp_path / "ckpt" / "toxic_tiny.ckpt")
    return tmp_path / "ckpt", model


def test_a_hugging_face_folder_gives_the_models_own_scores(
    hugging_face: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, model = hugging_face
    scorer = LocalModel(folder)
    text = "the port is zorg ."
    assert scorer([text])[0] == pytest.approx(expected(model, text, list(range(6))), abs=1e-5)
    assert scorer.backend == "local:bert"


def test_a_detoxify_checkpoint_gives_its_toxic_heads_only(
    checkpoint: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, model = checkpoint
    text = "the port is zorg ."
    assert LocalModel(folder)([text])[0] == pytest.approx(expected(model, text, list(range(6))), abs=1e-5)


def test_long_text_is_scored_in_windows(hugging_face: tuple[Path, BertForSequenceClassification]) -> None:
    folder, _ = hugging_face
    scorer = LocalModel(folder)
    tail = "zorg . zorg"
    assert scorer(["the " * 300 + tail])[0] >= scorer([tail])[0] - 1e-6


def test_the_guardian_uses_the_folder_and_says_so(
    hugging_face: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, _ = hugging_face
    threads = torch.get_num_threads()
    policy = Policy(toxicity_model_dir=str(folder), toxicity_block=0.01, toxicity_quarantine=0.01)
    verdict = Guardian(policy).judge(Candidate("", "The port is 22."), Source("The port is 22.", "ada"))
    finding = verdict.findings[-1]
    assert (finding.check, finding.backend, finding.action) == ("toxicity", "local:bert", Decision.BLOCK)
    assert verdict.guardian.endswith("+embedded+local:bert")
    assert torch.get_num_threads() == threads


def test_a_checkpoint_that_would_run_code_is_not_loaded(
    checkpoint: tuple[Path, BertForSequenceClassification], tmp_path: Path
) -> None:
    folder, _ = checkpoint
    ran = tmp_path / "ran"

    torch.save({"config": Touches(ran), "state_dict": {}}, folder / "toxic_tiny.ckpt")
    guardian = Guardian(Policy(toxicity_model_dir=str(folder)))
    verdict = guardian.judge(Candidate("", "The port is 22."), Source("The port is 22.", "ada"))
    assert not verdict.allowed
    assert "toxicity" in guardian.health()[0]
    assert not ran.exists()


def test_a_folder_without_its_parts_is_refused_at_once_and_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckUnavailable, match="is not a folder"):
        LocalModel(tmp_path / "nowhere")
    with pytest.raises(CheckUnavailable, match=r"config\.json"):
        LocalModel(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckUnavailable, match="no weights"):
        LocalModel(tmp_path)


def test_a_model_without_a_toxic_label_is_refused(tmp_path: Path) -> None:
    model = tiny_model(["cat", "dog"])
    write_config_and_tokenizer(tmp_path / "pets", model)
    model.save_pretrained(tmp_path / "pets")
    with pytest.raises(CheckUnavailable, match="means toxicity"):
        LocalModel(tmp_path / "pets")(["the port"])


def test_weights_without_a_trained_head_are_refused(
    hugging_face: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, _ = hugging_face
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "classifier" not in k}, folder / "model.safetensors")
    with pytest.raises(CheckUnavailable, match=r"lack classifier\."):
        LocalModel(folder)(["the port"])


def test_a_pickled_folder_loads_and_one_that_would_run_code_does_not(
    hugging_face: tuple[Path, BertForSequenceClassification], tmp_path: Path
) -> None:
    folder, model = hugging_face
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    text = "the port is zorg ."
    assert LocalModel(folder)([text])[0] == pytest.approx(expected(model, text, list(range(6))), abs=1e-5)
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (ran,)

    torch.save({"classifier.weight": Touches(ran)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckUnavailable, match="cannot be loaded"):
        LocalModel(folder)([text])
    assert not ran.exists()


def test_a_roberta_checkpoint_with_identity_heads_gives_its_toxic_heads_only(tmp_path: Path) -> None:
    """The unbiased models: RoBERTa, seven named classes, nine more heads that name identities."""
    torch.manual_seed(0)
    make: Any = RobertaConfig
    config = make(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=66, num_labels=16,
        pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    model = RobertaForSequenceClassification(config)
    model.train(False)
    folder = tmp_path / "roberta"
    write_tokenizer(folder, WORDS)
    model.config.save_pretrained(folder)
    classes = [*LABELS, "sexual_explicit"]
    arguments = {"num_classes": 16, "model_type": "roberta-base", "model_name": "R", "tokenizer_name": "R"}
    stored = {"arch": {"args": arguments}, "dataset": {"args": {"classes": classes}}}
    state = {**model.state_dict(), "roberta.embeddings.position_ids": torch.arange(66)[None]}
    torch.save({"config": stored, "state_dict": state}, folder / "toxic_debiased.ckpt")
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[2, 5, 6, 7, 10, 9, 3]])).logits[0]
    scored = LocalModel(folder)(["the port is zorg ."])[0]
    assert scored == pytest.approx(float(torch.sigmoid(logits)[:7].max()), abs=1e-5)


def test_a_folder_without_a_tokenizer_is_refused_and_no_vocabulary_made_up(
    hugging_face: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, _ = hugging_face
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(CheckUnavailable, match="no tokenizer"):
        LocalModel(folder)


def test_a_checkpoint_that_does_not_fit_the_config_is_refused(
    checkpoint: tuple[Path, BertForSequenceClassification],
) -> None:
    folder, _ = checkpoint
    loaded = torch.load(folder / "toxic_tiny.ckpt", weights_only=True)
    del loaded["state_dict"]["classifier.weight"]
    torch.save(loaded, folder / "toxic_tiny.ckpt")
    with pytest.raises(CheckUnavailable, match=r"classifier\.weight is missing"):
        LocalModel(folder)(["the port"])
