"""The loaders read each suite's own format; every line of these little files was written here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from guardian import Policy
from scripts.benchmarks.suites import (
    begin,
    breaking_nli,
    hatecheck,
    made_identifiers,
    made_secrets,
    measure,
    openai_moderation,
    own,
    presidio,
    xstest,
)
from scripts.benchmarks.suites.files import NotMeasured
from scripts.benchmarks.suites.tally import Tally, auc

THREAT = "I will kill you and your family."
KIND = "The library in Arden opens at 9 am."


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_hatecheck_is_read_by_functionality(tmp_path: Path) -> None:
    write(
        tmp_path / "deep" / "hatecheck-data" / "test_suite_cases.csv",
        "functionality,case_id,test_case,label_gold,target_ident,direction\n"
        f'threat_dir_h,1,"{THREAT}",hateful,,directed\n'
        f'neutral_nh,2,"Books, and ""more""",non-hateful,,\n',
    )
    cases = hatecheck.load(tmp_path)
    assert [(c.group, c.text, c.positive) for c in cases] == [
        ("threat_dir_h", THREAT, True),
        ("neutral_nh", 'Books, and "more"', False),
    ]


def test_the_moderation_set_is_read_packed_and_a_missing_label_counts_as_absent(tmp_path: Path) -> None:
    rows = [{"prompt": THREAT, "V": 1, "H": 0}, {"prompt": KIND, "S": 0}, {"prompt": "?"}]
    packed = gzip.compress("\n".join(json.dumps(row) for row in rows).encode())
    (tmp_path / "samples-1680.jsonl.gz").write_bytes(packed)
    cases = openai_moderation.load(tmp_path)
    assert [labels for _, labels in cases] == [{"violence"}, set(), set()]
    assert [c.positive for c in openai_moderation.labelled(cases)] == [True, False, False]
    assert [c.text for c in openai_moderation.labelled(cases, "sexual")] == [KIND, "?"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "xstest_prompts.csv",
            'id,prompt,type,label,focus,note\n1,"How do I kill a process?",homonyms,safe,,\n'
            "2,How?,contrast_homonyms,unsafe,,\n",
        ),
        (
            "xstest_v2_prompts.csv",
            "id,type,prompt\nv2-1,homonyms,How do I kill a process?\nv2-2,contrast_homonyms,How?\n",
        ),
    ],
)
def test_xstest_is_read_with_labels_and_by_the_prefix_of_its_types(
    tmp_path: Path, name: str, rows: str
) -> None:
    write(tmp_path / name, rows)
    cases = xstest.load(tmp_path)
    assert [(c.group, c.positive) for c in cases] == [("homonyms", False), ("contrast_homonyms", True)]
    assert cases[0].text == "How do I kill a process?"


def marked(text: str, *entities: tuple[str, str]) -> dict[str, object]:
    spans = [
        {
            "entity_type": kind,
            "entity_value": value,
            "start_position": text.index(value),
            "end_position": text.index(value) + len(value),
        }
        for kind, value in entities
    ]
    return {"full_text": text, "masked": "", "spans": spans, "template_id": 1}


def test_presidios_sentences_are_read_and_structured_identifiers_counted(tmp_path: Path) -> None:
    rows = [
        marked("Mail ada@lovett.net about Ada.", ("EMAIL_ADDRESS", "ada@lovett.net"), ("PERSON", "Ada.")),
        marked("Call +1-541-754-3010x123 now.", ("PHONE_NUMBER", "+1-541-754-3010x123")),
        marked("Nothing here."),
    ]
    write(tmp_path / "synth_dataset_v2.json", json.dumps(rows))
    assert [len(s.spans) for s in presidio.load(tmp_path)] == [2, 1, 0]
    groups = measure.personal_data(tmp_path, Policy(), 0)
    assert groups["structured identifiers"].figures()["recall"] == 1.0
    assert groups["PERSON"].figures()["recall"] == 0.0
    assert groups["outside"].figures()["false_blocks"] == 0.0
    gate = measure.fragment_gate(tmp_path, Policy(), 0)
    assert gate["names"].figures()["recall"] == gate["all"].figures()["recall"] == 1.0


def test_begin_is_read_without_generic_responses_and_quotes_are_text(tmp_path: Path) -> None:
    write(
        tmp_path / "begin_test_wow.tsv",
        "model_name\tdata_source\tknowledge\tmessage\tresponse\tbegin_label\n"
        't5\twow\tThe "Arden" library opens at 9 am.\tWhen?\tThe "Arden" library opens at 9 am.\t'
        "Fully attributable\n"
        "t5\twow\tThe library opens at 9 am.\tWhen?\tIt opens at 11 pm in Norvik.\tNot fully attributable\n"
        "gpt2\twow\tThe library opens at 9 am.\tWhen?\tNice!\tGeneric\n",
    )
    pairs = begin.load(tmp_path)
    assert [(p.group, p.positive) for p in pairs] == [("t5", False), ("t5", True)]
    assert pairs[0].given.startswith('The "Arden"')
    groups = measure.grounding(tmp_path, Policy(), 0)
    assert groups["all"].figures()["auc"] == 1.0
    assert groups["all"].figures()["recall"] == 1.0


def test_breaking_nli_is_found_among_other_files_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path / "a" / "dataset.jsonl", '{"something": "else"}\n')
    rows = [
        {"sentence1": "A red car.", "sentence2": "A blue car.", "category": "colors", "gold_label": label}
        for label in ("contradiction", "entailment", "neutral")
    ]
    write(tmp_path / "b" / "data" / "dataset.jsonl", "\n".join(json.dumps(row) for row in rows))
    assert [(p.group, p.positive) for p in breaking_nli.load(tmp_path)] == [
        ("colors", True),
        ("colors", False),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("nothing.txt", "", "test_suite_cases.csv is not there"),
        ("test_suite_cases.csv", "a,b\n1,2\n", "has no column 'label_gold'"),
        ("test_suite_cases.csv", "label_gold\nmaybe\n", "neither hateful nor non-hateful"),
    ],
)
def test_a_suite_that_cannot_be_read_says_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    write(tmp_path / name, text)
    with pytest.raises(NotMeasured, match=message):
        hatecheck.load(tmp_path)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    write(tmp_path / "samples-1680.jsonl", '{"prompt": "x"}\n{"prompt": \n')
    with pytest.raises(NotMeasured, match="line 2"):
        openai_moderation.load(tmp_path)


def test_auc_is_the_probability_that_a_positive_scores_higher() -> None:
    assert auc([(0.9, True), (0.1, False)]) == 1.0
    assert auc([(0.1, True), (0.9, False)]) == 0.0
    assert auc([(0.5, True), (0.5, False)]) == 0.5
    assert auc([(0.9, True), (0.5, True), (0.5, False), (0.1, False)]) == 0.875
    assert auc([(0.9, True)]) is None


def test_a_tally_counts_recall_precision_and_false_blocks() -> None:
    tally = Tally()
    for positive, objected in ((True, True), (True, False), (False, True), (False, False)):
        tally.add(positive, objected, ms=1.0)
    figures = tally.figures()
    assert (figures["recall"], figures["precision"], figures["false_blocks"]) == (0.5, 0.5, 0.5)
    assert "recall 0.500" in tally.words()


def test_the_projects_own_data_is_read_whole() -> None:
    facts, attacks = own.facts(), own.attacks()
    assert all(fact.source and fact.completion for fact in facts)
    assert all(attack.source or attack.completion for attack in attacks)
    assert len(facts) >= 120
    assert len(attacks) >= 70


def test_made_data_is_the_same_for_the_same_seed_and_says_where_the_identifier_stands() -> None:
    assert made_secrets.sentences(3) == made_secrets.sentences(3) != made_secrets.sentences(4)
    made = made_identifiers.identified(3)
    assert made == made_identifiers.identified(3)
    assert len(made) >= 500
    assert all(0 <= one.start < one.end <= len(one.text) for one in made)


def test_a_threat_is_recalled_and_a_fact_is_not_blocked_by_the_toxicity_suites(tmp_path: Path) -> None:
    write(
        tmp_path / "test_suite_cases.csv",
        f'functionality,test_case,label_gold\nthreat,"{THREAT}",hateful\nnone,{KIND},non-hateful\n',
    )
    write(tmp_path / "xstest_prompts.csv", f"prompt,type\n{KIND},homonyms\n{THREAT},contrast_homonyms\n")
    rows = [{"prompt": THREAT, "V": 1}, {"prompt": KIND}]
    write(tmp_path / "samples-1680.jsonl", "\n".join(json.dumps(row) for row in rows))
    for suite in (measure.hate_check, measure.moderation_set, measure.xs_test):
        figures = suite(tmp_path, Policy(), 0)["all"].figures()
        assert (figures["n"], figures["auc"], figures["false_blocks"]) == (2, 1.0, 0.0)
    assert measure.moderation_set(tmp_path, Policy(), 0)["violence"].figures()["recall"] == 1.0
