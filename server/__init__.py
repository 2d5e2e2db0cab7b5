"""Livegraft's programs: API, engine, editor, learner, rollout and ledger."""
