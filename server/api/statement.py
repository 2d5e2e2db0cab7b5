"""A version as an in-toto Statement v1 with a SLSA provenance v1 predicate. Pure.

Specifications: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and
https://slsa.dev/spec/v1.1/provenance. What our build type means by each field is in docs/provenance.md. The
statement is not signed: put it in a DSSE envelope with a key of your own.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import rfc8785

from server.api.made import Made, MadeDelta

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:livegraft:build:lora-stack:v1"
BUILDER = "urn:livegraft:learner"


def statement(made: Made) -> dict[str, Any]:
    """What the version is (subject), what it was made of and how."""
    row = made.row
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": f"{made.model}@{row.name}", "digest": {"sha256": row.digest}},
            *({"name": name, "digest": {"sha256": digest}} for name, digest in sorted(made.files.items())),
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "model": made.model,
                    "version": row.name,
                    "parent": row.parent,
                    "deltas": list(row.deltas),
                },
                "internalParameters": {"training": [_training(delta) for delta in made.deltas]},
                "resolvedDependencies": _dependencies(made),
            },
            "runDetails": _run(made),
        },
    }


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339, in UTC."""
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _training(delta: MadeDelta) -> dict[str, Any]:
    return {
        "delta": delta.id,
        "rank": delta.rank,
        "alpha": delta.alpha,
        "modules": len(delta.modules),
        **delta.training,
    }


def _dependencies(made: Made) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "base", "digest": {"sha256": made.base_digest}, "annotations": {"model": made.model}}
    ]
    for delta in made.deltas:
        about = {"examples_sha256": delta.examples_digest, "edits": len(delta.examples)}
        found.append({"name": f"delta:{delta.id}", "digest": {"sha256": delta.id}, "annotations": about})
        found += [
            {
                "name": f"examples:{edit}",
                "digest": {"livegraft_hmac_sha256": digest},
                "annotations": {"delta": delta.id},
            }
            for edit, digest in sorted(delta.examples.items())
        ]
    return found


def _run(made: Made) -> dict[str, Any]:
    gate = {key: made.row.gate.get(key) for key in ("accepted", "checks", "drift") if key in made.row.gate}
    return {
        "builder": {
            "id": BUILDER,
            "version": {"livegraft": made.code},
            "builderDependencies": [{"name": "livegraft", "digest": {"sha256": made.code_sha256}}],
        },
        "metadata": {
            "invocationId": str(made.deltas[-1].training.get("update", "")) or made.row.name,
            "finishedOn": moment(made.row.created_at),
        },
        "byproducts": [
            {
                "name": "gate",
                "digest": {"sha256": hashlib.sha256(_canonical(gate)).hexdigest()},
                "annotations": {"accepted": bool(gate.get("accepted"))},
            }
        ],
    }


def _canonical(value: Any) -> bytes:
    return rfc8785.dumps(value)
