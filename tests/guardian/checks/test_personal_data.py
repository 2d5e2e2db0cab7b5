from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Scope, Source
from guardian.checks.personal_data import PersonalData

CHECK = PersonalData()
NOBODY = Source("", "ada")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The card is 4111 1111 1111 1111.", "card_number"),
        ("Pay with 378282246310005.", "card_number"),
        ("Maestro 6759 6498 2643 8453 is on file.", "card_number"),
        ("The credit card number is 4111 1111 1111 1112.", "card_number"),
        ("His SSN is 536-22-1234.", "us_ssn"),
        ("Pay to DE89 3704 0044 0532 0130 00 by Friday.", "iban"),
        ("GB82WEST12345698765432 is the account.", "iban"),
        ("The NHS number is 943 476 5919.", "gb_nhs"),
        ("CPF 390.533.447-05 belongs to Ana.", "br_cpf"),
        ("NINO: AB 12 34 56 C", "gb_nino"),
        ("Her passport is X1234567.", "passport"),
        ("The bank account number is 12345678.", "bank_account"),
    ],
)
def test_identity_numbers_cards_and_accounts_block(text: str, label: str) -> None:
    found = {f.label: f for f in CHECK(Candidate("", text), NOBODY)}
    assert found[label].action is Decision.BLOCK
    assert found[label].max_scope is Scope.NONE


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Write to bob.hale@norvik.example.com.", "email"),
        ("Write to bob at norvik dot com today.", "email"),
        ("Call Bob at +1 415 555 2671.", "phone_number"),
        ("Bob's mobile is 0171 5550123.", "phone_number"),
        ("Ring (415) 555-2671 for Bob.", "phone_number"),
        ("The server answers at 8.8.8.8.", "ip_address"),
        ("Her date of birth is 4 May 1981.", "birth_date"),
        ("Bob lives at 12 Harbour Street.", "home_address"),
    ],
)
def test_contact_data_stays_with_its_user(text: str, label: str) -> None:
    found = {f.label: f for f in CHECK(Candidate("", text), NOBODY)}
    assert found[label].action is Decision.ALLOW
    assert found[label].max_scope is Scope.USER


def test_the_question_says_what_the_number_in_the_answer_is() -> None:
    (finding,) = CHECK(Candidate("What is Bob's passport number?", "X1234567"), NOBODY)
    assert (finding.label, finding.action, finding.part) == ("passport", Decision.BLOCK, "completion")


@pytest.mark.parametrize(
    "text",
    [
        "The admin port of the Zephyr router is 8443.",
        "The printer is at 192.168.1.20 and the gateway at 10.0.0.1.",
        "The order number is 20231177.",
        "The ISBN of Glass Orchard is 978-3-16-148410-0.",
        "The population is 1,204,311 since 2019.",
        "The museum is at 12 Harbour Street.",
        "Ada Lovelace was born in 1815.",
        "The part number is 000000000000.",
        "It happened on 2024-06-11 at 14:00:05.",
        "The repository is at git@git.example.org:core/api.git.",
        "Meet at Norvik, dot the i.",
    ],
)
def test_facts_about_things_pass(text: str) -> None:
    assert CHECK(Candidate("", text), NOBODY) == ()


def test_the_evidence_names_the_kind_and_not_the_data() -> None:
    text = "Write to bob.hale@norvik.example.com."
    (finding,) = CHECK(Candidate("", text), NOBODY)
    (span,) = finding.spans
    assert text[span.start : span.end] == "bob.hale@norvik.example.com"
    assert "bob" not in finding.evidence
