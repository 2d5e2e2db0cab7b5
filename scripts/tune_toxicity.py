"""Fit the toxicity and bias heads and write guardian/data/toxicity.safetensors and toxicity.json.

    python -m scripts.tune_toxicity [--cache FILE.npz]

The training texts are made from the templates in scripts/toxicity; no public data set is used. The figures
that are written down: AUC over families of templates left out of training; AUC on toxicity.txt and
toxicity_long.txt in tests/guardian/data, which were written apart from the templates and by which the
material and the thresholds were chosen; and AUC on toxicity_unseen.txt, which chose nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from guardian.embedding import shared
from guardian.harm import LABELS, Head, evidence
from guardian.swearing import Swearing
from scripts.toxicity.material import Text, texts

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "guardian" / "data" / "toxicity.safetensors"
HELD_OUT = ROOT / "tests" / "guardian" / "data"
NOT_TOXIC = frozenset({"bias", "harassment?"})
MEMBERS = 8
HIDDEN = 32
QUARANTINE_FALSE, BLOCK_FALSE = 0.10, 0.01
"""Shares of the harmless held-out sentences, most of them chosen to look harmful, that score above 0.4 and
above 0.9, the default thresholds of the policy: `any` is stretched until they do."""
EMBEDDING_SCALE = 6.0
"""Unit vectors have small entries beside counted words; scaled, both are regularised alike."""


class Cached:
    """The sentence model with a memory on disk: embedding is what takes the time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, NDArray[np.float32]] = {}
        if path and path.is_file():
            stored = np.load(path)
            self._known = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))

    def __call__(self, wanted: Sequence[str]) -> NDArray[np.float32]:
        """(n, 384), as `shared()` gives them."""
        missing = sorted(set(wanted) - set(self._known), key=len)
        for at in range(0, len(missing), 512):
            some = missing[at : at + 512]
            self._known.update(zip(some, shared()(some), strict=True))
            print(f"  embedded {at + len(some)}/{len(missing)}", flush=True)
        if missing and self._path:
            np.savez(
                self._path, texts=np.array(list(self._known)), vectors=np.stack(list(self._known.values()))
            )
        return np.stack([self._known[text] for text in wanted])


def labelled(made: list[Text]) -> NDArray[np.bool_]:
    """(n, len(LABELS)): what each text is."""
    rows = []
    for text in made:
        toxic = bool(text.labels - NOT_TOXIC)
        rows.append([toxic if label == "any" else label in text.labels for label in LABELS])
    return np.array(rows)


def fit(x: NDArray[np.float32], y: NDArray[np.bool_], weights: NDArray[np.float64]) -> list[MLPClassifier]:
    """An ensemble of small networks with one hidden layer, one output a label."""
    members = []
    for seed in range(MEMBERS):
        member = MLPClassifier((HIDDEN,), alpha=0.3, max_iter=30, batch_size=64, random_state=seed)
        members.append(member.fit(x, y.astype(int), sample_weight=weights))
    return members


def tensors(members: list[MLPClassifier], scale: NDArray[np.float32]) -> dict[str, NDArray[np.float16]]:
    """The ensemble as one network: hidden layers side by side, outputs averaged before the sigmoid."""
    hidden = np.hstack([m.coefs_[0] * scale[:, None] for m in members])
    out = np.vstack([m.coefs_[1] for m in members]) / len(members)
    return {
        "hidden": hidden.astype(np.float16),
        "hidden_bias": np.concatenate([m.intercepts_[0] for m in members]).astype(np.float16),
        "out": out.astype(np.float16),
        "out_bias": np.mean([m.intercepts_[1] for m in members], axis=0).astype(np.float16),
    }


def logits(net: dict[str, NDArray[np.float16]], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, len(LABELS)) before the sigmoid."""
    full = {name: tensor.astype(np.float32) for name, tensor in net.items()}
    middle = np.maximum(x @ full["hidden"] + full["hidden_bias"], 0)
    return np.asarray(middle @ full["out"] + full["out_bias"], dtype=np.float32)


def calibrated(
    net: dict[str, NDArray[np.float16]], x: NDArray[np.float32], toxic: NDArray[np.bool_]
) -> tuple[float, float]:
    """Stretch `any` in place to the thresholds of the policy, on held-out sentences: (slope, shift)."""
    harmless = logits(net, x)[~toxic, 0]
    low, high = (float(np.quantile(harmless, 1 - share)) for share in (QUARANTINE_FALSE, BLOCK_FALSE))
    at_low, at_high = (float(np.log(p / (1 - p))) for p in (0.4, 0.9))
    slope = (at_high - at_low) / (high - low)
    shift = at_low - slope * low
    net["out"][:, 0] *= np.float16(slope)
    net["out_bias"][0] = np.float16(slope * float(net["out_bias"][0]) + shift)
    return slope, shift


def left_out(
    made: list[Text],
    x: NDArray[np.float32],
    y: NDArray[np.bool_],
    w: NDArray[np.float64],
    scale: NDArray[np.float32],
) -> float:
    """AUC of `any` where each family of templates is scored by a head that saw none of it."""
    families = np.array([text.family for text in made])
    names = sorted(set(families))
    scores = np.zeros(len(made))
    for fold in range(8):
        out = np.isin(families, names[fold::8])
        scores[out] = logits(tensors(fit(x[~out] * scale, y[~out], w[~out]), scale), x[out])[:, 0]
    plain = ~np.array(["bias" in text.labels for text in made])
    return float(roc_auc_score(y[plain, 0], scores[plain]))


def held_out(name: str) -> tuple[NDArray[np.bool_], list[str]]:
    """(toxic?, text) of a data file of the tests."""
    lines = (HELD_OUT / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return np.array([row[0].strip() != "-" for row in rows]), [row[-1] for row in rows]


def main() -> None:
    """Fit, write the files and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, help="file that keeps embeddings between runs")
    parser.add_argument("--quick", action="store_true", help="leave out the families-left-out figure")
    arguments = parser.parse_args()
    made = texts()
    print(f"{len(made)} texts")
    x = evidence([text.text for text in made], Swearing(), Cached(arguments.cache))
    y, w = labelled(made), np.array([text.weight for text in made])
    scale = np.ones(x.shape[1], dtype=np.float32)
    scale[:384] = EMBEDDING_SCALE
    net = tensors(fit(x * scale, y, w), scale)
    toxic, lines = held_out("toxicity.txt")
    calibrated(net, evidence(lines, Swearing(), Cached(arguments.cache)), toxic)
    save_file(net, WEIGHTS)
    written: dict[str, object] = {
        "from": "python -m scripts.tune_toxicity on the templates in scripts/toxicity; no public data set",
        "texts": len(made),
        "families": len({text.family for text in made}),
        "labels": list(LABELS),
    }
    if not arguments.quick:
        written["auc_families_left_out"] = round(left_out(made, x, y, w, scale), 3)
    head = Head()
    for name in ("toxicity.txt", "toxicity_long.txt", "toxicity_unseen.txt"):
        if (HELD_OUT / name).is_file():
            toxic, lines = held_out(name)
            written[f"auc_{name}"] = round(float(roc_auc_score(toxic, head(lines)[:, 0])), 3)
    WEIGHTS.with_suffix(".json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
