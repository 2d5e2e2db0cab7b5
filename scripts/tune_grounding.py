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
from sklearn.model_selection import cross_val_predict

from guardian.support import FEATURES, features
from guardian.vetoes import vetoes

TARGET = Path(__file__).parents[1] / "guardian" / "grounding.json"
ALLOWED_PRECISION = 0.85


def read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each response: features (n, 7), whether fully attributable (n,), whether a veto fires (n,)."""
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


def main() -> None:
    """Fit, choose the thresholds, write the file and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--begin", type=Path, required=True, help="begin_dev_wow.tsv of google/BEGIN-dataset")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    x, y, vetoed = read(arguments.begin)
    logistic = LogisticRegression(C=30.0, max_iter=5000)
    held_out = cross_val_predict(logistic, x, y, cv=10, method="predict_proba")[:, 1]
    logistic.fit(x, y)
    scores = logistic.predict_proba(x)[:, 1]
    candidates = np.unique(np.round(scores, 2))
    block_below = max(candidates, key=lambda t: balanced_accuracy((scores >= t) & ~vetoed, y))
    allow_from = next(t for t in candidates if np.mean(y[(scores >= t) & ~vetoed]) >= ALLOWED_PRECISION)
    allowed = (held_out >= allow_from) & ~vetoed
    written = {
        "from": "begin_dev_wow.tsv of google/BEGIN-dataset (CC BY 4.0); scripts/tune_grounding.py",
        "sha256": hashlib.sha256(arguments.begin.read_bytes()).hexdigest(),
        "responses": len(y),
        "attributable": int(y.sum()),
        "held_out_auc": round(float(roc_auc_score(y, held_out)), 4),
        "held_out_balanced_accuracy": round(balanced_accuracy((held_out >= block_below) & ~vetoed, y), 4),
        "held_out_allowed_share": round(float(allowed.mean()), 4),
        "held_out_allowed_precision": round(float(y[allowed].mean()), 4),
        "block_below": float(block_below),
        "allow_from": float(allow_from),
        "intercept": round(float(logistic.intercept_[0]), 6),
        "coefficients": {n: round(float(c), 6) for n, c in zip(FEATURES, logistic.coef_[0], strict=True)},
    }
    arguments.out.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
