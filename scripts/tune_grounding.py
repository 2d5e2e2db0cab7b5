"""Tune the grounding score on the public dev split of BEGIN and write guardian/grounding.json.

    python scripts/tune_grounding.py --begin begin_dev_wow.tsv

The file is `begin_dev_wow.tsv` of google/BEGIN-dataset (CC BY 4.0): tab-separated, no quoting. Responses
labelled Generic are dropped. Nothing but this dev split may be tuned on: the test splits only measure.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from guardian.support import FEATURES, features
from guardian.vetoes import vetoes

TARGET = Path(__file__).parents[1] / "guardian" / "grounding.json"
ALLOWED_PRECISION = 0.97
"""What `allow_from` must reach on scores of responses that the model was not fitted on; the aim is 0.95."""
REPEATS = 10
NEARLY = 0.005
"""`block_below` is the middle of the thresholds this near to the best one: the peak itself is chance."""


def read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each response: features (n, 8), whether fully attributable (n,), whether a veto fires (n,)."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
    kept = [row for row in rows if row["begin_label"].strip() != "Generic"]
    x = np.array([features(row["knowledge"], row["response"]) for row in kept])
    y = np.array([row["begin_label"].strip() == "Fully attributable" for row in kept])
    vetoed = np.array([any(vetoes(row["knowledge"], row["response"])) for row in kept])
    return x, y, vetoed


def balanced_accuracy(allowed: np.ndarray, y: np.ndarray) -> float:
    """Mean of the shares of attributable responses allowed and of others refused."""
    return float((np.mean(allowed[y]) + np.mean(~allowed[~y])) / 2)


def model() -> LogisticRegression:
    """The logistic that is fitted, here on everything and on folds alike."""
    return LogisticRegression(C=30.0, max_iter=5000)


def held_out(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Scores (n,) of each response by a model that did not see it."""
    folds = StratifiedKFold(10, shuffle=True, random_state=seed)
    scores: np.ndarray = cross_val_predict(model(), x, y, cv=folds, method="predict_proba")[:, 1]
    return scores


def thresholds(scores: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(block_below, allow_from) that suit these scores best; vetoed responses score 0."""
    candidates = [t for t in np.unique(np.round(scores, 2)) if 0 < t <= scores.max()]
    accuracy = {t: balanced_accuracy(scores >= t, y) for t in candidates}
    block_below = np.median([t for t in candidates if accuracy[t] >= max(accuracy.values()) - NEARLY])
    precise = [t for t in candidates if np.mean(y[scores >= t], dtype=float) >= ALLOWED_PRECISION]
    return round(float(block_below), 2), float(min(precise, default=1.0))


def nested(x: np.ndarray, y: np.ndarray, vetoed: np.ndarray) -> dict[str, float]:
    """The whole check on responses that neither its model nor its thresholds saw: means over all folds."""
    judged = allowed = right = 0.0
    kept, refused = [], []
    for seed in range(REPEATS):
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            inner = held_out(x[train], y[train], seed) * ~vetoed[train]
            block_below, allow_from = thresholds(inner, y[train])
            scores = model().fit(x[train], y[train]).predict_proba(x[test])[:, 1] * ~vetoed[test]
            kept.append(np.mean(scores[y[test]] >= block_below))
            refused.append(np.mean(scores[~y[test]] < block_below))
            allowed += np.sum(scores >= allow_from)
            right += np.sum(y[test][scores >= allow_from])
            judged += len(test)
    return {
        "held_out_balanced_accuracy": round(float(np.mean(kept) + np.mean(refused)) / 2, 4),
        "held_out_allowed_share": round(allowed / judged, 4),
        "held_out_allowed_precision": round(right / max(allowed, 1.0), 4),
    }


def main() -> None:
    """Fit, choose the thresholds, write the file and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--begin", type=Path, required=True, help="begin_dev_wow.tsv of google/BEGIN-dataset")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    x, y, vetoed = read(arguments.begin)
    scores = np.mean([held_out(x, y, seed) for seed in range(REPEATS)], axis=0)
    block_below, allow_from = thresholds(scores * ~vetoed, y)
    logistic = model().fit(x, y)
    written = {
        "from": "begin_dev_wow.tsv of google/BEGIN-dataset (CC BY 4.0); scripts/tune_grounding.py",
        "sha256": hashlib.sha256(arguments.begin.read_bytes()).hexdigest(),
        "responses": len(y),
        "attributable": int(y.sum()),
        "held_out_auc": round(float(roc_auc_score(y, scores * ~vetoed)), 4),
        **nested(x, y, vetoed),
        "block_below": block_below,
        "allow_from": allow_from,
        "intercept": round(float(logistic.intercept_[0]), 6),
        "coefficients": {n: round(float(c), 6) for n, c in zip(FEATURES, logistic.coef_[0], strict=True)},
    }
    arguments.out.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
