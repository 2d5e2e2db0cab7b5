"""`python -m server.learner HOME`: the learner process of a home. The server starts it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from server.learner.child import main

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    main(Path(sys.argv[1]))
