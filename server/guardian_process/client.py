"""The server's side: starts the child, asks it, and starts another when it died or hangs.

A child that dies, or hangs and is killed, is replaced after a pause that grows, and what it was asked is
asked again, once. What could not be judged gets a verdict that says so, with an error finding: learning fails
closed. Not covered: one child judges one example at a time, so whoever asks much makes the others wait.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from guardian import VERSION
from guardian.judge import validate
from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source, Status, Verdict
from server.guardian_process.wire import Reply, Start, receive, send

log = logging.getLogger("livegraft.guardian")
START_SECONDS = 300.0
"""How long a child may load its models."""
GRACE_SECONDS = 2.0
"""How much later than the child itself the server notices that a judgement hangs: the child can say where."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    socket: socket.socket


class GuardianProcess:
    """Judges as a Guardian does, in a child. Safe to call from several threads; they take turns.

    Raises BadPolicy for a policy that makes no sense. `start` before judging; until then, and while no child
    can be had, every verdict is an error.
    """

    def __init__(
        self,
        policy: Policy,
        timeout_seconds: float = 30.0,
        module: str = "server.guardian_process",
        busy: Path | None = None,
    ) -> None:
        """`timeout_seconds`: the most that one example may take. `module`: what the child runs. `busy`: the
        server's BusyFile; the child waits between checks while chat runs by it."""
        validate(policy)
        # One key for all children: hashes in findings stay comparable when one follows another.
        self.policy = replace(policy, hash_key=policy.hash_key or secrets.token_hex(32))
        self.restarts = 0
        self._timeout_seconds = timeout_seconds
        self._module = module
        self._busy = busy
        self._asking = threading.Lock()
        self._changed = threading.Condition()
        self._child: _Child | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._trouble = ""
        self._false_starts = 0
        self._failures: Counter[str] = Counter()
        self._alarms: tuple[str, ...] = ()
        self._down_since = time.monotonic()
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Start the child and watch over it, if that is not done. Returns at once: the child loads while the
        server does. The first question starts it too, so that a process that is never asked has none."""
        with self._changed:
            if self._keeper is not None or self._stopping.is_set():
                return
            self._down_since = time.monotonic()
            self._keeper = threading.Thread(target=self._keep, name="guardian-keeper", daemon=True)
            self._keeper.start()

    def stop(self) -> None:
        """End the child. Who waits for a verdict gets an error. Blocks for the moment that takes."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        if self._process is not None:
            self._process.kill()  # it keeps nothing that could be lost
        if self._keeper is not None:
            self._keeper.join(10)

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        """The verdict on one example. Never raises for what an example, a check or the child does."""
        return self.judge_all([(candidate, source)])[0]

    def judge_all(self, examples: Sequence[tuple[Candidate, Source]]) -> list[Verdict]:
        """The verdicts on several examples, in order, in one round trip."""
        found: list[Verdict] = []
        with self._asking:
            why = self._judged(tuple(examples), found) if examples else ""
        return found + [self._unjudged(why)] * (len(examples) - len(found))

    def health(self) -> list[str]:
        """What keeps or kept it from judging, and what its checks complain of. Empty means well."""
        with self._changed:
            failed = [f"guardian: {why} ({count}x)" for why, count in self._failures.items()]
            if self._child is not None:
                return [*failed, *self._alarms]
            if self._keeper is None:
                return failed
            down = time.monotonic() - self._down_since
            if not self._trouble and down < self._timeout_seconds:
                return failed  # starting, as it should
            why = self._trouble or "its process is still loading"
            return [*failed, f"guardian: {why}; nothing is judged for {down:.0f} s"]

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def resident_bytes(self) -> int:
        """The child's resident memory; 0 while there is none."""
        import psutil

        pid = self.pid
        with suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss) if pid is not None else 0
        return 0

    def _judged(self, examples: tuple[tuple[Candidate, Source], ...], found: list[Verdict]) -> str:
        """Adds verdicts to `found`, in order; why not all of them are there, '' when they are."""
        failed_at = -1
        while True:
            child = self._when_ready()
            if child is None:
                return self._trouble or "its process ends now"
            asked = time.monotonic()
            try:
                send(child.socket, examples[len(found) :], self._timeout_seconds + GRACE_SECONDS)
                while len(found) < len(examples):
                    asked = time.monotonic()
                    found.append(self._received(child))
                return ""
            except (EOFError, OSError) as error:  # TimeoutError is an OSError
                hung = isinstance(error, TimeoutError) or time.monotonic() - asked >= self._timeout_seconds
            why = f"a judgement took more than {self._timeout_seconds:g} s" if hung else "its process died"
            self._lose(child, why)
            if failed_at == len(found):
                self._failures[why] += 1
                return f"{why}, twice over the same example"
            failed_at = len(found)

    def _received(self, child: _Child) -> Verdict:
        reply = receive(child.socket, self._timeout_seconds + GRACE_SECONDS)
        assert isinstance(reply, Reply)
        assert reply.verdict is not None
        with self._changed:
            self._alarms = reply.alarms
        return reply.verdict

    def _when_ready(self) -> _Child | None:
        """The child that judges. One that loads is waited for; None when one that was begun fails."""
        self.start()
        with self._changed:
            seen = self._false_starts
            self._changed.wait_for(
                lambda: self._child or self._stopping.is_set() or self._false_starts > seen,
                START_SECONDS,
            )
            return None if self._stopping.is_set() else self._child

    def _lose(self, child: _Child, why: str) -> None:
        """Have nobody ask this child again; the keeper starts another."""
        with self._changed:
            if self._child is child:
                self._child = None
                self._down_since = time.monotonic()
            self._trouble = why
        child.process.kill()

    def _keep(self) -> None:
        """The keeper's thread: one child after another until `stop`."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            self._live()
            if self._stopping.is_set():
                return
            self.restarts += 1
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - started > 60 else pause
            log.warning("guardian: %s; another is started in %.1f s", self._trouble, pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _live(self) -> None:
        """One child from its start to its end."""
        child: _Child | None = None
        met, why = False, ""
        try:
            child = self._spawn()
            send(child.socket, Start(self.policy, self._timeout_seconds, self._busy), START_SECONDS)
            ready = receive(child.socket, START_SECONDS)
            assert isinstance(ready, Reply)
            self._met(child, ready)
            met = True
            child.process.wait()
        except TimeoutError:
            why = f"its process did not load within {START_SECONDS:.0f} s"
        except (EOFError, OSError) as error:
            why = f"its process could not start ({type(error).__name__}: its log lines say why)"
        finally:
            if child is not None:
                child.process.kill()
                code = child.process.wait()
                why = why or f"its process ended with code {code}"
                child.socket.close()
            self._ended(child if met else None, why)

    def _met(self, child: _Child, ready: Reply) -> None:
        with self._changed:
            self._child, self._alarms, self._trouble = child, ready.alarms, ""
            self._changed.notify_all()
        log.info("the guardian is ready")

    def _ended(self, child: _Child | None, why: str) -> None:
        """What ended it is told, unless who asked has told why. `child`: None when it never judged."""
        with self._changed:
            if child is not None and self._child is child:
                self._child, self._down_since = None, time.monotonic()
                self._trouble = why
            elif child is None:
                self._trouble = why
                self._false_starts += 1
                self._changed.notify_all()

    def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        env = os.environ | {
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        descriptor = theirs.fileno()
        command = [sys.executable, "-m", self._module, str(descriptor)]
        try:
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, pass_fds=[descriptor])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process = process
        if self._stopping.is_set():
            process.kill()  # `stop` looked before this one was there
        return _Child(process, ours)

    def _unjudged(self, why: str) -> Verdict:
        finding = Finding(
            "process",
            "server",
            Decision.QUARANTINE,
            Scope.NONE,
            Status.ERROR,
            label="not_judged",
            evidence=f"The guardian could not judge this: {why}. Nothing is learned until it has.",
        )
        return Verdict(
            Decision.QUARANTINE,
            Scope.NONE,
            (finding,),
            policy=self.policy.name,
            guardian=f"{VERSION}+unavailable",
        )
