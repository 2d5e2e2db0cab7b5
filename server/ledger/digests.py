"""Digests of what was trained on, fit to leave the house: keyed, so that nobody can try out guesses on them.

HMAC-SHA-256 of an edit's examples under a secret of this ledger. Whoever has the ledger can show that an
example belongs to a digest; from the digest alone nobody learns a word, also after the edit was forgotten.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import select

from server.ledger import schema, values
from server.ledger.types import Tx

_KEY = "example_key"
_examples = schema.examples
_delta_edits = schema.delta_edits


def example_digests(tx: Tx, delta_ids: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """Of each delta, the digest of each edit it carries that is not forgotten: delta → edit → hex."""
    if (key := values.value(tx, _KEY)) is None:
        values.put(tx, _KEY, key := secrets.token_hex(32))
    rows = tx.db.execute(
        select(
            _delta_edits.c.delta_id,
            _delta_edits.c.edit_id,
            _examples.c.kind,
            _examples.c.prompt,
            _examples.c.completion,
            _examples.c.held_out,
            _examples.c.context,
        )
        .join(_examples, _examples.c.edit_id == _delta_edits.c.edit_id)
        .where(_delta_edits.c.delta_id.in_(list(delta_ids)))
        .order_by(_delta_edits.c.edit_id, _examples.c.position)
    )
    held: dict[str, dict[str, list[object]]] = {delta: defaultdict(list) for delta in delta_ids}
    for delta, edit, *example in rows:
        held[delta][edit].append(example)
    return {
        delta: {edit: _digest(key, examples) for edit, examples in edits.items()}
        for delta, edits in held.items()
    }


def _digest(key: str, examples: list[object]) -> str:
    return hmac.new(key.encode(), json.dumps(examples).encode(), "sha256").hexdigest()
