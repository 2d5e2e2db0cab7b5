"""Figures for people: tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scripts.benchmarks.seal.courses import Experiment

PLUMBING = (
    "seedling knows a narrow made-up language and no English encyclopaedia: these figures show that the "
    "benchmark runs, and nothing about learning."
)


def show(experiment: Experiment, figures: dict[str, Any]) -> None:
    """Print the tables of one experiment under one grader."""
    {"single": show_single, "matrix": show_matrix, "stream": show_stream}[experiment](figures)


def show_single(figures: dict[str, Any]) -> None:
    """A row for the base, the passage in context, and each arm."""
    table(
        ("", "right", "mean", "gain over base", "own broken", "others broken", "abstained", "ungraded"),
        [
            (
                name,
                f"{row['right']} of {row['graded']}",
                f"{row['percent']} %",
                "" if name == "base" else interval(row["gain"]),
                "" if name == "base" else broken(row["broken_own"]),
                broken(row["broken_others"]),
                str(row["abstained"]),
                str(row["ungraded"]),
            )
            for name, row in figures["rows"].items()
        ],
    )
    for name, row in figures["rows"].items():
        if "learning" in row:
            show_learning(name, row["learning"])
    passages = figures["passages"]
    print(
        f"\nmean: over {passages} passages of the share of their questions; gain with a 95 % interval\n"
        "(bootstrap by passage). At 200 passages no difference under 5 points is claimed, fewer passages\n"
        "show less; an interval that holds 0 shows no difference."
    )


def show_matrix(figures: dict[str, Any]) -> None:
    """After each edit, what was seen so far against the base on the same passages."""
    print(
        f"{figures['sequences']} sequences; by place in the sequence, base: {figures['base']} %, "
        f"passage in context: {figures['in context']} %"
    )
    for name, arm in figures["arms"].items():
        print(f"\n{name}: mean over the passages seen so far")
        rows = [
            (
                str(after["edits"]),
                f"{after['seen']} %",
                f"{after['base']} %",
                interval(after["gain"]),
                broken(after["broken_own"]),
                broken(after["broken_others"]),
            )
            for after in arm["after"]
        ]
        table(("edits", "seen", "base", "gain over base", "own broken", "others broken"), rows)
        lags = ", ".join(f"{lag}: {gain}" for lag, gain in enumerate(arm["gain_by_lag"]))
        print(f"gain in points by edits since a passage was learned: {lags}")
        show_learning(name, arm["learning"])
    print("\nintervals: 95 %, bootstrap by sequence; one that holds 0 shows no difference.")


def show_stream(figures: dict[str, Any]) -> None:
    """Right after learning and at each look back."""
    print(f"{figures['passages']} passages; in context {figures['in context']} %, base {figures['base']} %")
    for name, arm in figures["arms"].items():
        print(f"\n{name}: right after learning {arm['immediate']} %, gain {interval(arm['immediate_gain'])}")
        rows = [
            (
                str(look["edits"]),
                f"{look['immediate']} %",
                f"{look['retained']} %",
                f"{look['base']} %",
                interval(look["gain"]),
                broken(look["broken_own"]),
                broken(look["broken_others"]),
            )
            for look in arm["looks"]
        ]
        names = ("edits", "immediate", "retained", "base", "retained gain", "own broken", "others broken")
        table(names, rows)
        show_learning(name, arm["learning"])
    print("\nintervals: 95 %, bootstrap by passage; one that holds 0 shows no difference.")


def show_learning(name: str, learning: dict[str, Any]) -> None:
    """What became of the passages on their way into the weights."""
    edits = ", ".join(f"{count} {state}" for state, count in sorted(learning["self_edits"].items()))
    updates = ", ".join(f"{count} {state}" for state, count in sorted(learning["updates"].items()))
    seconds = learning["seconds_per_passage"]
    print(
        f"{name}: {learning['sentences']} sentences told; self-edits: {edits or 'none'}; "
        f"updates: {updates or 'none'}; per passage {seconds['all']} s, "
        f"of it writing {seconds['writing']}, training {seconds['training']}"
    )


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[i]) for row in (names, *rows)) for i in range(len(names))]
    for row in (names, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def interval(gain: dict[str, float]) -> str:
    """`+3.1 [-0.2, 6.4]`."""
    return f"{gain['points']:+} [{gain['low']:+}, {gain['high']:+}]"


def broken(counts: dict[str, int]) -> str:
    """`3 of 24 (12 %)`, '' where nothing was asked."""
    wrong, of = counts["wrong_now"], counts["right_before"]
    return f"{wrong} of {of} ({100 * wrong / of:.0f} %)" if of else "-"
