"""trl's SFTTrainer as in `sft`, with the gradient checkpointing that it has on by default."""

from __future__ import annotations

import json
import sys

from scripts.benchmarks.arms.data import Job
from scripts.benchmarks.arms.sft import main

if __name__ == "__main__":
    main(Job(**json.loads(sys.argv[1])), checkpointing=True)
