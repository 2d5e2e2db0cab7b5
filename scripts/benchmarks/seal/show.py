"""Figures for people: tables on the terminal, and the matrix or the curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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


def draw(experiment: Experiment, figures: dict[str, Any], title: str, path: Path) -> bool:
    """Write the picture of a matrix or a stream; False where there is nothing to draw."""
    if experiment == "single" or not figures["arms"]:
        return False
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    arms = figures["arms"]
    figure, axes = pyplot.subplots(1, len(arms) + 1, figsize=(5 * (len(arms) + 1), 4.2), layout="constrained")
    if experiment == "matrix":
        _draw_matrix(axes, figures)
    else:
        _draw_stream(axes, figures)
    figure.suptitle(title, fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _draw_matrix(axes: Any, figures: dict[str, Any]) -> None:
    """One heat map an arm, its lowest row the base; last the means over what was seen."""
    for axis, (name, arm) in zip(axes, figures["arms"].items(), strict=False):
        size = len(arm["matrix"])
        cells = [row + [None] * (size - len(row)) for row in [*arm["matrix"], figures["base"]]]
        values = [[float("nan") if cell is None else cell for cell in row] for row in cells]
        axis.imshow(values, cmap="viridis", vmin=0, vmax=100)
        for k, row in enumerate(cells):
            for j, cell in enumerate(row):
                if cell is not None:
                    axis.text(j, k, f"{cell:.0f}", ha="center", va="center", color="white", fontsize=8)
        axis.set(title=f"{name}: % right", xlabel="passage", ylabel="edits")
        axis.set_xticks(range(size), [str(j + 1) for j in range(size)])
        axis.set_yticks(range(size + 1), [*(str(k + 1) for k in range(size)), "base"])
    for name, arm in figures["arms"].items():
        _line(axes[-1], [a["edits"] for a in arm["after"]], [a["seen"] for a in arm["after"]], name)
        _line(
            axes[-1],
            [a["edits"] for a in arm["after"]],
            [a["base"] for a in arm["after"]],
            "base, same passages",
            "--",
        )
    axes[-1].set(title="mean over passages seen", xlabel="edits", ylabel="% right", ylim=(0, 100))
    axes[-1].legend()


def _draw_stream(axes: Any, figures: dict[str, Any]) -> None:
    """One panel an arm with each passage's score at once; last what is retained."""
    for axis, (name, arm) in zip(axes, figures["arms"].items(), strict=False):
        scores = arm["immediate_by_passage"]
        so_far = [_mean(scores[: n + 1]) for n in range(len(scores))]
        axis.plot(range(1, len(scores) + 1), scores, ".", alpha=0.4, label="each passage")
        _line(axis, range(1, len(scores) + 1), so_far, "mean so far")
        axis.set(title=f"{name}: right after learning", xlabel="passages", ylabel="% right", ylim=(0, 100))
        axis.legend()
    for name, arm in figures["arms"].items():
        looks = arm["looks"]
        _line(
            axes[-1], [x["edits"] for x in looks], [x["retained"] for x in looks], f"{name}, retained", "o-"
        )
        _line(axes[-1], [x["edits"] for x in looks], [x["base"] for x in looks], "base, same passages", "--")
    axes[-1].set(title="everything learned so far", xlabel="passages", ylabel="% right", ylim=(0, 100))
    axes[-1].legend()


def _line(axis: Any, x: Sequence[int], y: Sequence[float | None], label: str, style: str = "-") -> None:
    axis.plot(x, [float("nan") if value is None else value for value in y], style, label=label)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
