"""Serving side by side: the bare engine, through Livegraft at rest, and through Livegraft while it learns.

One run, one machine, one model, the same greedy streams at each width, in turn, round after round, so that
whatever else the machine does falls on all alike; a stream asks its next question when it has its answer,
and answers differ in length, so that streams fall out of step.
While learning: at each width a fact is told, and rounds go on until its update is trained, shown and
promoted, or the time is up. Beside that `transformers serve`, a vLLM whose address is given (bare and through
Livegraft), four versions at once against one, and the server's growth. A standard load generator, `vllm bench
serve`, is run on the same servers where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from scripts.benchmarks.common import ROOT, Server, all_shown, report, serving, settled
from scripts.benchmarks.engine import transformers_serve
from scripts.benchmarks.moving.planted import Base, noise, plant
from scripts.benchmarks.traffic import growth, picture, standard
from scripts.benchmarks.traffic.bare import bare_server
from scripts.benchmarks.traffic.client import Burst, Target, burst, summary
from server.engine.models import resolve
from server.engine.vllm.check import linear_shapes

BARE, IDLE, LEARNING, AFTER = "bare engine", "Livegraft, idle", "Livegraft, learning", "Livegraft, afterwards"
TRANSFORMERS = "transformers serve"
VLLM, VLLM_IDLE = "bare vllm serve", "vllm through Livegraft"
VERSIONS = "four versions at once over one, 8 streams"
GROWTH = "the server's process after so many requests"
SUBJECTS = (("Zephyr", 8443), ("Kelso", 9107), ("Brant", 7220), ("Orla", 6551), ("Tamsin", 5032))
Arms = dict[str, dict[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked at each width: rounds of streams with so many answers each, of so many tokens at most."""

    tokens: int
    answers: int
    rounds: int

    def ask(self, target: Target, width: int, number: int) -> Burst:
        """One round."""
        return asyncio.run(burst(target, width, self.tokens, number, self.answers))


def side_by_side(targets: dict[str, Target], streams: Sequence[int], load: Load) -> Arms:
    """All servers at all widths, in turn, after one burst each that warms them up."""
    for target in targets.values():
        asyncio.run(burst(target, 2, 8, 99))
    seen: dict[str, dict[int, list[Burst]]] = {name: {n: [] for n in streams} for name in targets}
    for round_ in range(load.rounds):
        for width in streams:
            for name, target in targets.items():
                one = load.ask(target, width, round_)
                seen[name][width].append(one)
                print(f"round {round_ + 1}, {width:>2} streams, {name}: {one.tokens_per_second:.1f} tokens/s")
    return {
        name: {width: summary(bursts) for width, bursts in widths.items()} for name, widths in seen.items()
    }


def while_learning(
    server: Server, target: Target, streams: Sequence[int], load: Load, most_seconds: float
) -> dict[int, dict[str, Any]]:
    """At each width: tell a fact, and ask until it is everybody's or the time is up; then the next width
    goes on with the same fact."""
    found: dict[int, dict[str, Any]] = {}
    trained, turn, before = True, "", ""
    for number, width in enumerate(streams):
        if trained:
            name, port = SUBJECTS[number % len(SUBJECTS)]
            before = stable(server)
            turn = server.tell(f"The admin port of the {name} router is {port}.", f"teller-{number}")
        begin, trained = time.monotonic(), False
        bursts: list[Any] = []
        while time.monotonic() - begin < most_seconds and not trained:
            bursts.append(load.ask(target, width, len(bursts)))
            trained = settled(server, [turn]) and all_shown(server)
        found[width] = {
            **summary(bursts),
            "seconds": round(time.monotonic() - begin, 1),
            "learned": trained and stable(server) != before,
        }
        print(f"learning, {width:>2} streams: {found[width]}")
    if not trained:
        print(f"waiting for learning to end, {most_seconds:.0f} s at most")
        with contextlib.suppress(TimeoutError):
            server.wait_for("its end", lambda: settled(server, [turn]) and all_shown(server), most_seconds)
    return found


def stable(server: Server) -> str:
    """The version that everybody is served."""
    return str(server.get("/v1/adapters")["refs"]["stable"])


def at_once(model: str, flags: Sequence[str], load: Load) -> str:
    """Throughput of eight streams over four versions, against the same over one, in turn.

    The versions are planted in a home of their own and answer as the base does, so that the lengths of the
    answers are the same.
    """
    with tempfile.TemporaryDirectory(prefix="livegraft-bench-") as folder:
        home = Path(folder)
        names = planted(model, home, 4)
        told = (*flags, "--learning.enabled", "false", "--rollout.promote-after-seconds", "0")
        with serving(model, *told, home=home) as server:
            server.wait_for("all four to be shown", lambda: stable(server) == names[-1], 120)
            port = httpx.URL(server.url).port or 80
            pinned = [f"{server.model}@{name}" for name in names]
            targets = {
                "one version": Target(port, pinned[0]),
                "four versions": Target(port, pinned[0], others=tuple(pinned[1:])),
            }
            arms = side_by_side(targets, [8], load)
    speeds = [arms[name][8]["tokens_per_second"] for name in ("four versions", "one version")]
    return f"{speeds[0] / speeds[1]:.2f} x ({speeds[0]:.1f} against {speeds[1]:.1f} tokens/s)"


def alone(options: argparse.Namespace, engine: Sequence[str], load: Load) -> dict[str, Any]:
    """One part of the whole, which needs none of the other servers."""
    if options.only == "growth":
        return {GROWTH: growth.measure(options.memory_requests)}
    if options.only == "vllm":
        with ExitStack() as stack:
            arms = side_by_side(vllm_arms(stack, options), options.streams, load)
        return table(arms) | compared(arms, VLLM_IDLE, VLLM)
    return {VERSIONS: at_once(options.model, (*engine, *options.livegraft), load)}


def table(arms: Arms) -> dict[str, Any]:
    """One line for each width and way of serving."""
    return {
        f"{width:>2} streams, {name}": (
            f"{f['tokens_per_second']:8.1f} tokens/s   first token {f['first_token_p50_ms']:7.1f} / "
            f"{f['first_token_p99_ms']:7.1f} ms, of all streams' openings {f['opening_p50_ms']:7.1f} / "
            f"{f['opening_p99_ms']:7.1f} ms   between tokens {f['inter_token_p50_ms']:6.1f} / "
            f"{f['inter_token_p99_ms']:7.1f} ms   errors {f['errors']}"
        )
        for width in sorted({n for widths in arms.values() for n in widths})
        for name, widths in arms.items()
        if (f := widths.get(width))
    }


def compared(arms: Arms, one: str, other: str) -> dict[str, Any]:
    """What `one` is beside `other` at each width."""
    if one not in arms or other not in arms:
        return {}
    lines = {}
    for width in sorted(arms[one].keys() & arms[other].keys()):
        a, b = arms[one][width], arms[other][width]
        lines[f"{width:>2} streams, {one} over {other}"] = (
            f"throughput {_over(a, b, 'tokens_per_second')}   first token {_added(a, b, 'first_token')}, "
            f"of openings {_added(a, b, 'opening')}   inter-token p99 {_over(a, b, 'inter_token_p99_ms')}"
        )
    return lines


def _added(a: dict[str, Any], b: dict[str, Any], name: str) -> str:
    """Milliseconds more at the median and at the 99th percentile."""
    median, slow = (a[f"{name}_{at}_ms"] - b[f"{name}_{at}_ms"] for at in ("p50", "p99"))
    return f"p50 {median:+.1f} ms, p99 {slow:+.1f} ms"


def _over(a: dict[str, Any], b: dict[str, Any], name: str) -> str:
    return f"{a[name] / b[name]:.2f} x" if b[name] else "-"


def vllm_arms(stack: ExitStack, options: argparse.Namespace) -> dict[str, Target]:
    """A vLLM that somebody runs, and the same one through a Livegraft of its own, which captures every turn;
    its learner is off, as one learner is enough to share the machine with.

    With `--vllm-canary` a planted version is the canary of half of the users, and streams to the bare vLLM
    ask the base and that version's adapter in turn.
    """
    address = httpx.URL(options.vllm_url)
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livegraft-bench-")))
    flags = ["--engine.kind", "vllm", "--vllm.urls", options.vllm_url, "--learning.enabled", "false"]
    flags += ["--engine.max-batch", str(options.vllm_batch), *options.vllm_livegraft]
    if options.vllm_canary:
        (version,) = planted(options.vllm_model, home, 1)
        flags += ["--rollout.mode", "quick", "--rollout.weight", "0.5", "--rollout.auto-promote", "false"]
    through = stack.enter_context(serving(options.vllm_model, *flags, home=home, core=options.vllm_core))
    names = [options.vllm_model]
    if options.vllm_canary:
        through.wait_for("the canary", lambda: through.get("/v1/adapters")["refs"]["canary"] == version, 120)
        served = httpx.get(f"{options.vllm_url}/v1/models", timeout=30).json()["data"]
        adapters = [model["id"] for model in served if model["id"] != options.vllm_model]
        names = adapters if len(adapters) > 1 else [*names, *adapters]  # the base may be an adapter too
    return {
        VLLM: Target(address.port or 80, names[0], address.host, tuple(names[1:])),
        VLLM_IDLE: Target(httpx.URL(through.url).port or 80, through.model),
    }


def planted(model: str, home: Path, count: int) -> list[str]:
    """Versions of noise so small that all answer as the base does, put into a home; their names."""
    found = resolve(model, home)
    base = Base(found.name, found.digest, linear_shapes(found.path))
    return plant(home, base, [noise(base, seed, 1e-4) for seed in range(count)], "noise, for a benchmark")


def main() -> None:
    """Command line."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a run that is ended takes its servers along
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # how `transformers serve` is told
    engine = ("--engine.threads", str(options.threads))
    load = Load(options.tokens, options.answers, options.rounds)
    if options.only:
        figures = alone(options, engine, load)
        report(f"serving-{Path(options.model).name}-{options.only}", figures, options.out)
        return
    with ExitStack() as stack:
        server = stack.enter_context(serving(options.model, *engine, *LEARN_AT_ONCE, *options.livegraft))
        ours = Target(httpx.URL(server.url).port or 80, server.model)
        folder = resolve(options.model, server.home).path
        targets = {
            BARE: stack.enter_context(bare_server(options.model, server.home, *engine)),
            IDLE: ours,
        }
        if options.transformers:
            targets[TRANSFORMERS] = stack.enter_context(transformers_serve(folder))
        if options.vllm_url:
            targets |= vllm_arms(stack, options)
        server.wait_for("the learner", lambda: "the learner is ready" in server.log.read_text(), 900)
        arms = side_by_side(targets, options.streams, load)
        arms[LEARNING] = while_learning(server, ours, options.streams, load, options.learning_seconds)
        if all_shown(server):
            arms |= side_by_side({AFTER: ours}, options.streams, load)
        program = standard.program(options.vllm_program)
        others = standard.run(program, targets, folder, options.streams, options.tokens) if program else {}
    four = at_once(options.model, (*engine, *options.livegraft), load)
    grown = growth.measure(options.memory_requests) if options.memory_requests else {}
    figures = table(arms) | compared(arms, IDLE, BARE) | compared(arms, LEARNING, IDLE)
    figures |= compared(arms, IDLE, TRANSFORMERS) | compared(arms, VLLM_IDLE, VLLM)
    figures["vllm"] = "measured" if options.vllm_url else "not measured: no vllm"
    figures[VERSIONS] = four
    figures[GROWTH] = grown or "not measured"
    figures["vllm bench serve"] = "in the file" if others else "not measured: it is not installed"
    name = f"serving-{Path(options.model).name}"
    out = options.out or ROOT / "runs" / f"{name}.json"
    report(name, figures, out, arms=arms, standard=others, growth=grown)
    picture.draw(out.with_suffix(".png"), f"{options.model}, answers of {options.tokens} tokens", arms)
    print(f"and a picture to {out.with_suffix('.png')}")


LEARN_AT_ONCE = ("--learning.batch-window-seconds", "0", "--rollout.promote-after-seconds", "1")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64, help="length of each answer, at most")
    parser.add_argument("--answers", type=int, default=4, help="of each stream in a round")
    parser.add_argument("--threads", type=int, default=2, help="torch threads of each server")
    parser.add_argument("--learning-seconds", type=float, default=300, help="for each width, at most")
    parser.add_argument("--memory-requests", type=int, default=100_000, help="0 leaves growth out")
    parser.add_argument("--only", choices=("growth", "versions", "vllm"), help="one part and nothing else")
    parser.add_argument("--no-transformers", dest="transformers", action="store_false")
    parser.add_argument(
        "--vllm-url", default="", help="of a running `vllm serve`, e.g. http://127.0.0.1:8001"
    )
    parser.add_argument("--vllm-model", default="", help="its model, by the name that it serves it under")
    parser.add_argument("--vllm-batch", type=int, default=64, help="its --max-num-seqs")
    parser.add_argument("--vllm-core", type=int, help="the core that the Livegraft before it is held to")
    parser.add_argument("--vllm-canary", action="store_true", help="a canary meets half of its users")
    parser.add_argument(
        "--vllm-livegraft", nargs="*", default=[], help="settings of the Livegraft before it, name=value"
    )
    parser.add_argument("--vllm-program", default="", help="the vllm of another environment")
    parser.add_argument("--livegraft", nargs="*", default=[], help="further name=value settings of ours")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.livegraft = [word for one in options.livegraft for word in _flag(one, parser)]
    options.vllm_livegraft = [word for one in options.vllm_livegraft for word in _flag(one, parser)]
    if bool(options.vllm_url) != bool(options.vllm_model):
        parser.error("--vllm-url and --vllm-model belong together")
    if options.only == "vllm" and not options.vllm_url:
        parser.error("--only vllm needs the --vllm-url of one that runs")
    return options


def _flag(setting: str, parser: argparse.ArgumentParser) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        parser.error(f"--livegraft {setting}: give name=value, e.g. learning.latency_budget_ms=50")
    return f"--{name.replace('_', '-')}", value


if __name__ == "__main__":
    main()
