"""A guardian's process whose check never comes back from the example 'stick', nor lets a thread run."""

from __future__ import annotations

import re
import sys

from guardian.types import Candidate, Finding, Source
from server.guardian_process.child import main


class Stuck:
    """A pattern that backtracks for ever: re holds the interpreter meanwhile, as a bad rule would."""

    name = "toxicity"
    backend = "test"

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        if candidate.completion == "stick":
            re.match(r"(a+)+b", "a" * 64)
        return ()


if __name__ == "__main__":
    main(int(sys.argv[1]), {"toxicity": lambda policy: Stuck()})
