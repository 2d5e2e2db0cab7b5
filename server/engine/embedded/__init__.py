"""The engine in this process: continuous batching over one copy of the base weights, any version per row.

`engine` is the face on the event loop, `worker` the thread that owns every tensor, `batch` who runs when,
`forward` one step of the model over all rows, `kvcache` and `attention` what a step remembers and reads,
`grafts` the adapters, `sampling` the choice of tokens. Importing this package imports torch.
"""

from server.engine.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
