"""`python -m server.guardian_process FD`: the guardian of a server, which starts it."""

from __future__ import annotations

import sys

from server.guardian_process.child import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
