"""The data policy's file: read whole, and refused with a line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from guardian import BadPolicy, Policy
from guardian.checks.registry import BUILDERS
from guardian.data_policy import Consent, DataPolicy, Retention, SignOff, Sources, Topic, Topics
from guardian.policy_file import MAX_BYTES, read

WHOLE = """
name = "acme-7"

[[topics.forbidden]]
name = "mergers"
words = ["merger", "take over"]
action = "review2"

[[topics.forbidden]]
name = "weapons"
words = ["gun"]
action = "block"

[[topics.allowed]]
name = "our products"
words = ["router", "switch"]

[topics]
otherwise = "user_only"

[sources]
forbidden_keys = ["intern"]
allowed_users = ["ana", "team-*"]
forbidden_front_ends = ["openwebui"]

[retention]
untaught_days = 90
quarantine_days = 14.5

[consent]
required = true
users = ["ana"]

[sign_off]
one_person = ["preference"]
two_persons = ["toxicity"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_of_a_policy_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path, WHOLE), BUILDERS) == DataPolicy(
        "acme-7",
        Topics(
            (Topic("mergers", ("merger", "take over"), "review2"), Topic("weapons", ("gun",), "block")),
            (Topic("our products", ("router", "switch")),),
            "user_only",
        ),
        Sources((), ("intern",), ("ana", "team-*"), (), (), ("openwebui",)),
        Retention(90.0, 14.5),
        Consent(True, ("ana",)),
        SignOff(("preference",), ("toxicity",)),
    )


def test_an_empty_file_is_a_policy_that_forbids_nothing_named_after_the_file(tmp_path: Path) -> None:
    assert read(write(tmp_path, "")) == DataPolicy("policy")


BROKEN = [
    ("names = 'x'", "line 1: names there is no such key; did you mean name?"),
    ("[retension]\n", "line 1: retension there is no such key; did you mean retention?"),
    ("name = 3", "line 1: name is 3; it must be a text of 1 to 64 characters"),
    ("topics = 3", "line 1: topics must be a table: begin it with [topics]"),
    (
        "[topics]\nforbidden = ['gun']",
        "line 2: topics.forbidden must be tables: begin each topic with [[topics.",
    ),
    (
        "[[topics.forbidden]]\nname = 'a'\nwords = ['x']\naction = 'blok'",
        "line 4: topics.forbidden[0].action is 'blok'; it must be block, quarantine, user_only or review2",
    ),
    (
        "[[topics.forbidden]]\nname = 'a'\nwords = ['x']\naction = 'block'\n\n"
        "[[topics.forbidden]]\nname = 'b'\nwords = []\naction = 'block'",
        "line 8: topics.forbidden[1].words the topic 'b' is empty: list a word at least, or delete the topic",
    ),
    (
        "[[topics.forbidden]]\nname = 'a'\naction = 'block'",
        "topics.forbidden[0].words the topic 'a' is empty",
    ),
    (
        "[[topics.forbidden]]\nname = 'a'\nwords = ['x']",
        "line 1: topics.forbidden[0] the topic 'a' has no action",
    ),
    ("[[topics.forbidden]]\nname = 'a'\nwords = ['--']\naction = 'block'", "'--' holds no word to look for"),
    ("[[topics.forbidden]]\nwords = ['x']\naction = 'block'", "topics.forbidden[0].name is missing"),
    (
        "[[topics.allowed]]\nname = 'a'\nwords = ['x']\naction = 'block'",
        "topics.allowed[0].action there is no such",
    ),
    ("[topics]\notherwise = 'block'", "has no meaning without [[topics.allowed]]"),
    (
        "[[topics.forbidden]]\nname = 'a'\nwords = ['Mergers']\naction = 'block'\n"
        "[[topics.allowed]]\nname = 'b'\nwords = ['merger']",
        "'Mergers' is forbidden by 'a' and allowed by 'b'; take it out of one of them",
    ),
    (
        "[[topics.allowed]]\nname = 'a'\nwords = ['x']\n[[topics.allowed]]\nname = 'a'\nwords = ['y']",
        "two topics are called 'a'",
    ),
    ("[sources]\nallowed_users = 'ana'", "sources.allowed_users is 'ana'; it must be a list of texts"),
    (
        "[sources]\nallowed_keys = ['a']\nforbidden_keys = ['a']",
        "line 3: sources.forbidden_keys 'a' is allowed as",
    ),
    (
        "[retention]\nuntaught_days = 0",
        "line 2: retention.untaught_days is 0; it must be a number of days above 0",
    ),
    ("[retention]\nquarantine_days = true", "retention.quarantine_days is True"),
    ("[retention]\nquarantine_days = nan", "retention.quarantine_days is nan"),
    ("[consent]\nrequired = 'yes'", "line 2: consent.required is 'yes'; it must be true or false"),
    ("[sign_off]\none_person = ['toxicity']", "'toxicity' asks a person about waits for one anyway"),
    ("[sign_off]\ntwo_persons = ['toxicty']", "knows no 'toxicty'; it may hold fact, preference, canonical"),
    ("[sign_off]\none_person = ['fact']\ntwo_persons = ['fact']", "'fact' stands in one_person too"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_a_mistake_is_one_line_that_names_file_line_and_key_and_says_what_to_do(
    tmp_path: Path, text: str, expected: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadPolicy) as caught:
        read(path, BUILDERS)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(path))
    assert expected in line


def test_every_mistake_gets_a_line_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy) as caught:
        read(write(tmp_path, "nam = 'x'\n[consent]\nrequired = 1\n[retention]\ndays = 3\n"))
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_no_policy_is_told_so(tmp_path: Path) -> None:
    binary = tmp_path / "policy.bin"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    large = tmp_path / "large.toml"
    large.write_text("#" * (MAX_BYTES + 1))
    for path, words in (
        (tmp_path / "none.toml", "cannot be read (No such file or directory); correct guardian.policy_file"),
        (tmp_path, "cannot be read (Is a directory)"),
        (binary, "is not text in UTF-8"),
        (large, "that is no policy file"),
        (write(tmp_path, "name = = 3"), "is not valid TOML: Invalid value (at line 1"),
    ):
        with pytest.raises(BadPolicy) as caught:
            read(path)
        assert words in str(caught.value)
        assert str(path) in str(caught.value)


def test_the_version_of_a_policy_follows_its_contents_not_its_comments_or_key(tmp_path: Path) -> None:
    def version(text: str, **more: str) -> str:
        return Policy(name="p", data=read(write(tmp_path, text)), **more).version  # type: ignore[arg-type]

    plain = version("[consent]\nrequired = true")
    assert plain == version("# why\n[consent]\nrequired = true", hash_key="secret")
    assert plain != version("[consent]\nrequired = false")
    assert Policy(toxicity_block=0.8).version != Policy().version
    assert Policy(disabled_checks=frozenset("ab")).version == Policy(disabled_checks=frozenset("ba")).version
