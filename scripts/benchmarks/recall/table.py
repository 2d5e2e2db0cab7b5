"""From answers to figures: one row a measure, one column for the base, the context and each checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benchmarks.recall.questions import FACT_ROWS, KEPT_ROWS

Answers = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """A line of the table. Where `kept`, only what was good with the base counts."""

    title: str
    row: str
    kept: bool = False
    bad: bool = False
    """Counts what one does not want."""
    only: str = ""
    """Limited to some facts: those learned, or those whose relation the editor's table has or lacks."""


ROWS = (
    Row("recall, untrained wordings", "paraphrase"),
    Row("  of the facts that were learned", "paraphrase", only="learned"),
    Row("  whose relation the editor's table has", "paraphrase", only="listed"),
    Row("  and lacks", "paraphrase", only="unlisted"),
    Row("recall, same wording", "same wording"),
    Row("recall, new conversation after small talk", "conversation"),
    Row("recall, reversed (no floor)", "reversed"),
    Row("neighbours answered with a taught value", "neighbour", bad=True),
    Row("general questions still right", "general", kept=True),
    Row("never-told still 'I do not know'", "untold", kept=True),
    Row("format requests still met", "format", kept=True),
)


def count(answers: Answers, row: Row, base: Answers, some: Mapping[str, Collection[int]]) -> tuple[int, int]:
    """(hits, asked) of one row. `some`: by name, the facts that a row may be limited to."""
    before = {(a["row"], a["index"]) for a in base if a["good"]} if row.kept else None
    counted = [
        a
        for a in answers
        if a["row"] == row.row
        and (before is None or (a["row"], a["index"]) in before)
        and (not row.only or a["index"] in some[row.only])
    ]
    return sum(a["good"] != row.bad for a in counted), len(counted)


def percent(hits: int, of: int) -> str:
    """`94 % (47/50)`, or a dash."""
    return f"{100 * hits / of:.0f} % ({hits}/{of})" if of else "–"


def table(
    base: Answers, checkpoints: dict[str, dict[str, Any]], some: Mapping[str, Collection[int]]
) -> list[list[str]]:
    """Rows of text, the first of them the head. In the base's column kept rows show how many are counted."""
    at = sorted(checkpoints, key=int)
    lines = [["", "base", "in context", *("at once" if k == "0" else f"after {k}" for k in at)]]
    for row in ROWS:
        told = [a | {"row": "paraphrase"} for a in base if a["row"] == "in context"]
        alone = [a for a in base if a["row"] != "in context"]
        free = Row(row.title, row.row, bad=row.bad, only=row.only)
        lines.append(
            [
                row.title,
                percent(*count(alone, free, base, some)),
                percent(*count(told, row, base, some)) if row.row == "paraphrase" else "",
                *(percent(*count(checkpoints[k]["answers"], row, base, some)) for k in at),
            ]
        )
    return [line for line in lines if any("%" in cell for cell in line) or line is lines[0]]


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Columns aligned."""
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def per_fact(
    fates: Sequence[tuple[str, str, str]], checkpoints: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """What became of each fact, and its recall in untrained wordings at every checkpoint."""
    found = []
    for index, (sentence, fate, why) in enumerate(fates):
        recall = {
            at: [a["good"] for a in kept["answers"] if a["row"] == "paraphrase" and a["index"] == index]
            for at, kept in checkpoints.items()
        }
        found.append({"told": sentence, "fate": fate, "why": why, "recall": recall})
    return found


def print_facts(facts: Sequence[dict[str, Any]]) -> None:
    """One line a fact, its reason below where it was not learned."""
    print("\nwhat was told, what became of it, recall in untrained wordings at each checkpoint")
    for fact in facts:
        marks = "  ".join("".join("+" if good else "-" for good in of) for of in fact["recall"].values())
        print(f"  {fact['fate']:<12} {marks:<24} {fact['told']}")
        if fact["fate"] != "learned":
            print(f"  {'':<12} {fact['why']}")


def broken(base: Answers, answers: Answers) -> list[str]:
    """What was good with the base and is not now, and neighbours that got a taught value."""
    before = {(a["row"], a["index"]) for a in base if a["good"]}
    return [
        f"{a['row']}: {a['question']} -> {a['answer']!r}"
        for a in answers
        if not a["good"] and (a["row"] == "neighbour" or (a["row"], a["index"]) in before)
        if a["row"] not in FACT_ROWS and a["row"] in (*KEPT_ROWS, "neighbour")
    ]
