"""`python -m server.learner HOME`: the learner process of a home. The server starts it."""

from __future__ import annotations

import sys
from pathlib import Path

from server.learner.child import main

if __name__ == "__main__":
    main(Path(sys.argv[1]))
