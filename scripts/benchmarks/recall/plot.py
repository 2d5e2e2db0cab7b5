"""The learning curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.recall.table import Row, count

LINES = (
    (Row("untrained wordings", "paraphrase"), "#1b6ca8", "-"),
    (Row("same wording", "same wording"), "#6fa8dc", "-"),
    (Row("new conversation", "conversation"), "#38761d", "-"),
    (Row("neighbours not answered with a taught value", "neighbour"), "#b45f06", "--"),
    (Row("general answers kept", "general", kept=True), "#999999", "--"),
)


def draw(
    path: Path, model: str, facts: int, base: Sequence[dict[str, Any]], checkpoints: dict[str, dict[str, Any]]
) -> None:
    """A PNG of recall (solid) and of what must not change (dashed) over later updates."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    at = sorted(int(k) for k in checkpoints)
    figure, axes = pyplot.subplots(figsize=(7.2, 4.2), dpi=150)
    for row, colour, style in LINES:
        counted = [count(checkpoints[str(k)]["answers"], row, base, {}) for k in at]
        if all(of for _, of in counted):
            shares = [100 * hits / of for hits, of in counted]
            axes.plot(at, shares, style, color=colour, marker="o", markersize=4, label=row.title)
    told = [a["good"] for a in base if a["row"] == "in context"]
    if told:
        axes.axhline(100 * sum(told) / len(told), color="#cccccc", linewidth=1, zorder=0)
        axes.annotate("the base with the fact in its context", (at[-1], 100 * sum(told) / len(told) - 1.5),
                      ha="right", va="top", fontsize=7, color="#888888")  # fmt: skip
    axes.set(ylim=(0, 103), xlabel="later updates, one new fact each", ylabel="%", xticks=at)
    axes.set_title(f"{facts} facts taught by chat, asked with memory off ({model})", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#eeeeee")
    axes.legend(loc="lower left", fontsize=8, frameon=False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
