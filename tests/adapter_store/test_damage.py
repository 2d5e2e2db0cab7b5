"""Torn writes, flipped bytes, full disks: detected with a clear error and never served."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter_store import CorruptBlob, Delta, Store, Version
from adapter_store.compose import CONFIG, WEIGHTS

BASE = "b" * 64


def blob(store: Store, suffix: str) -> Path:
    return next(store.root.glob(f"blobs/sha256/*/*{suffix}"))


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_flipped_byte_is_found_on_every_read(
    store: Store, make_delta: Callable[..., Delta], suffix: str
) -> None:
    delta_id = store.put(make_delta())
    flip(blob(store, suffix), -3)
    with pytest.raises(CorruptBlob, match=r"is damaged.*Restore it from a backup"):
        store.get(delta_id)
    with pytest.raises(CorruptBlob):
        store.verify(delta_id)
    with pytest.raises(CorruptBlob):
        store.compose(Version("v1", BASE, (delta_id,)))
    assert not list((store.root / "composed").glob("*/" + WEIGHTS))


def test_a_truncated_file_is_found(store: Store, make_delta: Callable[..., Delta]) -> None:
    delta_id = store.put(make_delta())
    path = blob(store, ".safetensors")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(CorruptBlob, match=str(path)):
        store.get(delta_id)


def test_missing_factors_are_found(store: Store, make_delta: Callable[..., Delta]) -> None:
    delta_id = store.put(make_delta())
    blob(store, ".safetensors").unlink()
    with pytest.raises(CorruptBlob, match="is missing"):
        store.get(delta_id)


def test_putting_a_damaged_delta_again_heals_it(store: Store, make_delta: Callable[..., Delta]) -> None:
    delta_id = store.put(make_delta())
    flip(blob(store, ".safetensors"), 100)
    assert store.put(make_delta()) == delta_id
    store.verify(delta_id)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "composed.json"])
def test_a_damaged_composed_folder_is_made_again_with_the_same_bytes(
    store: Store, make_delta: Callable[..., Delta], name: str
) -> None:
    version = Version("v1", BASE, (store.put(make_delta()),))
    folder = store.compose(version)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    flip(folder / name, 20)
    assert store.compose(version) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


KILLED = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    import numpy as np
    from adapter_store import Delta, Manifest, Store, blobs

    point = sys.argv[2]
    writes = 0

    def kill_at(event, args):
        global writes
        if event == "os.rename":
            writes += 1
            if point == f"before rename {writes}":
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill_at)
    ones = {"m": np.ones((1, 8), np.float32)}, {"m": np.ones((8, 1), np.float32)}
    print(Store(Path(sys.argv[1])).put(Delta(Manifest("b" * 64, "tiny", 1, 1.0, ("m",)), *ones)))
"""


def put_in_a_process(root: Path, point: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(root), point, source]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("point", ["before rename 1", "before rename 2"])
def test_a_writer_killed_between_its_files_leaves_no_delta_and_the_next_put_is_whole(
    tmp_path: Path, point: str
) -> None:
    root = tmp_path / "store"
    assert put_in_a_process(root, point).returncode == -signal.SIGKILL
    store = Store(root)
    assert store.deltas() == []
    assert len(list((root / "tmp").iterdir())) == 1, "what it was writing is no blob yet"

    finished = put_in_a_process(root, "never")
    assert finished.returncode == 0, finished.stderr
    store.verify(finished.stdout.strip())

    store.sweep({finished.stdout.strip()}, grace_seconds=0)
    assert list((root / "tmp").iterdir()) == []
    store.verify(finished.stdout.strip())


FULL = """
    import resource, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    import numpy as np
    from adapter_store import Delta, Manifest, Store, StoreFull

    store = Store(Path(sys.argv[1]))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    ones = {"m": np.ones((1, 8192), np.float32)}, {"m": np.ones((8, 1), np.float32)}
    try:
        store.put(Delta(Manifest("b" * 64, "tiny", 1, 1.0, ("m",)), *ones))
    except StoreFull as full:
        print(full)
"""


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    source = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path), source]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "The disk is full" in ended.stdout
    assert "Free some space" in ended.stdout
    store = Store(tmp_path)
    assert store.deltas() == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list(tmp_path.glob("blobs/sha256/*/*"))
