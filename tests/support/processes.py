"""Which process is which, although any of them may end while it is looked at."""

import psutil


def child_running(parent: psutil.Process, module: str) -> psutil.Process | None:
    """The child of `parent` that runs this module (`python -m module`); None where there is none just now."""
    try:
        children = parent.children()
    except psutil.NoSuchProcess:
        return None
    return next((child for child in children if module in _command(child)), None)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # ended, or ended and not yet waited for (ZombieProcess)
        return []
