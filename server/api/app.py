"""The HTTP application: every route, wrapped in one envelope."""

from __future__ import annotations

from fastapi import FastAPI

from server.api import (
    adapters,
    audit,
    chat,
    completions,
    embeddings,
    errors,
    events,
    feedback,
    fine_tuning,
    guardian,
    learner,
    models,
    moderation,
    ops,
    responses,
    reviews,
    rollout,
    turns,
    users,
)
from server.api.context import Context
from server.api.envelope import Envelope

ROUTERS = (
    chat.router,
    completions.router,
    responses.router,
    embeddings.router,
    models.router,
    turns.router,
    feedback.router,
    guardian.router,
    moderation.router,
    reviews.router,
    learner.router,
    fine_tuning.router,
    adapters.router,
    rollout.router,
    users.router,
    audit.router,
    events.router,
    ops.router,
)


def create_api(context: Context) -> FastAPI:
    """The application over these collaborators. It starts and stops nothing itself."""
    app = FastAPI(
        title="Livegraft",
        description="An OpenAI-compatible chat server that learns from its conversations while it serves.",
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.context = context
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    app.add_middleware(
        Envelope,
        metrics=context.metrics,
        max_body_bytes=context.policy.max_body_bytes,
        local_only=not context.policy.keys,
    )
    return app
