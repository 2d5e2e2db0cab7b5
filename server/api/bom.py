"""A version as a CycloneDX 1.6 bill of materials for machine learning. Pure.

Written by hand: cyclonedx-python-lib has no model card yet; its copy of the official schema checks this in
the tests. https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

import uuid
from typing import Any

from server.api.made import Made, MadeDelta
from server.api.statement import moment

NAMESPACE = uuid.UUID("6a3f8ae4-2d9a-4c54-9d56-0c7c27b7a1d5")
"""Ours, drawn once: the same version always has the same serial number."""
MODEL = "machine-learning-model"


def bom(made: Made) -> dict[str, Any]:
    """The version on top; below it the base, the deltas, what each was trained on, and the libraries."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{made.row.name} {made.row.digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": moment(made.row.created_at),
            "tools": {"components": [_tool(made)]},
            "component": _version(made),
        },
        "components": [
            _model("base", made.model, "base", made.base_digest),
            *(part for delta in made.deltas for part in (_delta(made, delta), _data(delta))),
            *_libraries(made),
        ],
        "dependencies": _dependencies(made),
    }


def _model(ref: str, name: str, version: str, digest: str) -> dict[str, Any]:
    return {"type": MODEL, "bom-ref": ref, "name": name, "version": version, "hashes": _sha256(digest)}


def _version(made: Made) -> dict[str, Any]:
    gate: dict[str, Any] = dict(made.row.gate)
    checks = gate.get("checks") or {}
    metrics = [
        {
            "type": f"gate: {name}",
            "value": f"{check.get('passed')} of {check.get('asked')}",
            "slice": f"{check.get('needed')} needed",
        }
        for name, check in checks.items()
    ]
    files = [_property(f"file:{name}", digest) for name, digest in sorted(made.files.items())]
    return {
        **_model("version", made.model, made.row.name, made.row.digest),
        "description": f"{len(made.deltas)} LoRA deltas on {made.model}, served as one adapter.",
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": "text-generation",
                "modelArchitecture": f"LoRA, rank {sum(delta.rank for delta in made.deltas)} in all",
                "datasets": [{"ref": f"examples:{delta.id}"} for delta in made.deltas],
            },
            "quantitativeAnalysis": {"performanceMetrics": metrics},
            "properties": files,
        },
        "properties": [
            _property("parent", made.row.parent),
            _property("gate_accepted", str(bool(made.row.gate.get("accepted"))).lower()),
        ],
    }


def _delta(made: Made, delta: MadeDelta) -> dict[str, Any]:
    told = {"rank": delta.rank, "alpha": delta.alpha, "modules": len(delta.modules)}
    named = {"seed", "update", "device", "parent", "factors_sha256", "trainer"}
    told |= {key: value for key, value in delta.training.items() if key in named}
    return {
        **_model(f"delta:{delta.id}", f"{made.model} delta", delta.id[:12], delta.id),
        "properties": [_property(key, str(value)) for key, value in told.items()],
    }


def _data(delta: MadeDelta) -> dict[str, Any]:
    contents = [_property(f"hmac_sha256:{edit}", digest) for edit, digest in sorted(delta.examples.items())]
    return {
        "type": "data",
        "bom-ref": f"examples:{delta.id}",
        "name": f"what delta {delta.id[:12]} was trained on",
        "hashes": _sha256(delta.examples_digest),
        "data": [
            {
                "type": "dataset",
                "name": f"self-edits of delta {delta.id[:12]}",
                "description": f"{len(delta.examples)} self-edits written from conversations and judged; "
                "digests are keyed, so that they give away no word.",
                "contents": {"properties": contents},
            }
        ],
    }


def _tool(made: Made) -> dict[str, Any]:
    return {
        "type": "application",
        "name": "livegraft",
        "version": made.code,
        "hashes": _sha256(made.code_sha256),
    }


def _libraries(made: Made) -> list[dict[str, Any]]:
    """What trained the deltas, each library and version once."""
    found = {
        (name, version)
        for delta in made.deltas
        for name, version in dict(delta.training.get("libraries") or {}).items()
    }
    return [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
        }
        for name, version in sorted(found)
    ]


def _dependencies(made: Made) -> list[dict[str, Any]]:
    deltas = [f"delta:{delta.id}" for delta in made.deltas]
    return [
        {"ref": "version", "dependsOn": ["base", *deltas]},
        *({"ref": f"delta:{d.id}", "dependsOn": ["base", f"examples:{d.id}"]} for d in made.deltas),
    ]


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"livegraft:{name}", "value": value}


def _sha256(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]
