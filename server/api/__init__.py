"""HTTP: OpenAI's chat API and the routes to watch and steer the learning (docs/http.md)."""

from server.api.app import create_api
from server.api.context import Context
from server.api.control import Control

__all__ = ["Context", "Control", "create_api"]
