"""The matrix or the curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.seal.courses import Experiment


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
    _draw_over_edits(axes[-1], figures["arms"], "after", "seen")
    axes[-1].set(title="mean over the passages seen", xlabel="edits")


def _draw_stream(axes: Any, figures: dict[str, Any]) -> None:
    """One panel an arm with each passage's score at once; last what is retained."""
    for axis, (name, arm) in zip(axes, figures["arms"].items(), strict=False):
        scores = arm["immediate_by_passage"]
        so_far = [_mean(scores[: n + 1]) for n in range(len(scores))]
        axis.plot(range(1, len(scores) + 1), scores, ".", alpha=0.4, label="each passage")
        _line(axis, range(1, len(scores) + 1), so_far, "mean so far")
        axis.set(title=f"{name}: right after learning", xlabel="passages", ylabel="% right", ylim=(0, 100))
        axis.legend()
    _draw_over_edits(axes[-1], figures["arms"], "looks", "retained")
    axes[-1].set(title="retained of everything learned so far", xlabel="passages")


def _draw_over_edits(axis: Any, arms: dict[str, Any], rows: str, what: str) -> None:
    """A curve for each arm, and the base on the same passages."""
    for name, arm in arms.items():
        _line(axis, [row["edits"] for row in arm[rows]], [row[what] for row in arm[rows]], name, "o-")
    rows_of_one = next(iter(arms.values()))[rows]
    _line(axis, [row["edits"] for row in rows_of_one], [row["base"] for row in rows_of_one], "base", "--")
    axis.set(ylabel="% right", ylim=(0, 100))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()


def _line(axis: Any, x: Sequence[int], y: Sequence[float | None], label: str, style: str = "-") -> None:
    axis.plot(x, [float("nan") if value is None else value for value in y], style, label=label)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
