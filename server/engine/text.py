"""Stop strings in a stream of text pieces: what may be shown already, and where the answer ends."""

from __future__ import annotations


class StopFilter:
    """Passes text on, except the part that may yet turn out to be the beginning of a stop string.

    The stop string itself is never passed on. Without stop strings every piece passes unchanged.
    """

    __slots__ = ("_held", "_stop")

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = tuple(s for s in stop if s)
        self._held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """(text to show now, whether a stop string was met). After a stop nothing more may be pushed."""
        if not self._stop:
            return text, False
        text = self._held + text
        met = [at for at in (text.find(s) for s in self._stop) if at >= 0]
        if met:
            self._held = ""
            return text[: min(met)], True
        keep = max(_overlap(text, s) for s in self._stop)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """The held text, when the answer ended before it became a stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
