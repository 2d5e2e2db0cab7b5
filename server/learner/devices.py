"""What memory this machine has for serving and learning, found without waking a GPU."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

import psutil

from server.learner.plan import Device

QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


def here() -> Device:
    """The first GPU if torch can use one, else the machine's own memory."""
    return gpu() or Device("this machine (CPU)", psutil.virtual_memory().total, False)


def gpu() -> Device | None:
    """The first NVIDIA GPU, None where there is none or torch was installed without CUDA.

    Asked of nvidia-smi: torch would make a context, which alone takes some hundred megabytes.
    """
    try:
        for_cpu = "+cpu" in version("torch")
    except PackageNotFoundError:
        for_cpu = False  # nothing is known of where the trainer will run: the card is what is planned for
    if for_cpu or shutil.which(QUERY[0]) is None:
        return None
    found = subprocess.run(QUERY, capture_output=True, text=True, timeout=30, check=False)
    return read(found.stdout) if found.returncode == 0 else None


def read(said: str) -> Device | None:
    """From nvidia-smi's first line, `name, MiB`."""
    name, _, mebibytes = (said.splitlines() or [""])[0].rpartition(",")
    return Device(name.strip(), int(mebibytes) << 20, True) if mebibytes.strip().isdigit() else None
