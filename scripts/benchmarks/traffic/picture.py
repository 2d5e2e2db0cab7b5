"""Throughput and the slowest tokens over the number of streams, a line for each way of serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PANELS = (
    ("tokens_per_second", "tokens a second, all streams"),
    ("first_token_p50_ms", "first token, median ms"),
    ("inter_token_p99_ms", "between tokens, p99 ms"),
)


def draw(path: Path, title: str, arms: dict[str, dict[int, dict[str, Any]]]) -> None:
    """A PNG. `arms`: name → streams → figures of traffic.client.summary."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(PANELS), figsize=(11, 3.6), dpi=150)
    for axes, (figure_name, label) in zip(panels, PANELS, strict=True):
        for name, widths in arms.items():
            at = sorted(widths)
            axes.plot(at, [widths[n][figure_name] for n in at], marker="o", markersize=4, label=name)
        axes.set(xscale="log", xlabel="streams", ylabel=label, ylim=(0, None))
        axes.set_xticks(sorted({n for widths in arms.values() for n in widths}))
        axes.get_xaxis().set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#eeeeee")
    panels[0].legend(fontsize=7, frameon=False)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
