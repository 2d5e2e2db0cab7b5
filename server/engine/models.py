"""From the name of a model to its folder: the two that need no hub, a local folder, or a hub id.

Importing this needs no torch; only the conversion of smollm2 does, and that runs in a process of its own so
that its memory is gone when it ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.engine import made, smollm2, widen
from server.engine.digests import DigestCache
from server.engine.types import EngineError

Progress = Callable[[str], None]
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]


class ModelUnavailable(EngineError):
    """A model cannot be found or made ready."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A Hugging Face folder that can be served."""

    path: Path
    name: str
    """The id under which it is served."""
    digest: str
    """sha256 over its configuration, weights and tokenizer."""


def resolve(
    model: str, home: Path, progress: Progress = lambda line: None, widened: bool | None = None
) -> ModelFolder:
    """The folder of `smollm2`, `seedling`, a local folder, or a hub id; made or downloaded when need be.

    `widened`: whether half precision is served from a float32 copy (server.engine.widen); None asks the
    processor. The digest is that of the model itself, so what was learned on one machine fits on another.

    `home` keeps what is made; `progress` gets a line when something takes long. Raises ModelUnavailable
    naming what is wrong and what to do. Only looks at the files: whether the weights work, the engine
    finds.
    """
    if model == "seedling":
        path, name = Path(__file__).parent / "seedling", model
    elif model == "smollm2":
        try:
            path, name = smollm2.folder(home, progress), model
        except smollm2.CannotConvert as error:
            raise ModelUnavailable(str(error)) from error
    elif Path(model).expanduser().is_dir():
        path = Path(model).expanduser().resolve()
        name = path.name
    else:
        path, name = _from_hub(model, progress), model
    _examine(path, model)
    digest = DigestCache(home).digest(path)
    if widened is None:
        widened = widen.has_halves(path) and widen.needed()
    if widened:
        try:
            path = widen.folder(path, digest, home, progress)
        except made.ConversionFailed as error:
            raise ModelUnavailable(f"{error}: twice the model's size must be free on disk") from error
    return ModelFolder(path, name, digest)


def config_of(model: str, home: Path) -> dict[str, Any]:
    """What config.json says of a model, without its weights where it is a hub id. Raises ModelUnavailable."""
    path = Path(model).expanduser()
    if model in ("seedling", "smollm2"):
        path = resolve(model, home).path / "config.json"
    elif path.is_dir():
        path = path / "config.json"
    elif path.suffix != ".json":
        path = _from_hub(model, lambda line: None, ["config.json"]) / "config.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{model}: {path} cannot be read as a model's config.json: {error}") from error
    if not isinstance(found, dict):
        raise ModelUnavailable(f"{model}: {path} is not a model's config.json: it holds no object")
    return found


def _from_hub(model: str, progress: Progress, files: Sequence[str] = _HUB_FILES) -> Path:
    if not _HUB_ID.fullmatch(model) or model.startswith("."):
        raise ModelUnavailable(
            f"the model folder {model} does not exist: give an existing folder, or a hub id"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    progress(f"Looking for {model} on the model hub")
    try:
        return Path(snapshot_download(model, allow_patterns=list(files)))
    except GatedRepoError as error:
        raise ModelUnavailable(
            f"{model} is gated: accept its terms on the hub and set HF_TOKEN to a token that may read it"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelUnavailable(
            f"there is no folder and no public hub model {model}: check the name, or set HF_TOKEN"
        ) from error
    except (OSError, ValueError) as error:  # every other error of the hub's client is one of the two
        raise ModelUnavailable(
            f"{model} is not a folder here, and the hub cannot be reached ({type(error).__name__}): "
            "go online once to download it, give a folder, or choose smollm2 or seedling, which need no hub"
        ) from error


def _examine(path: Path, model: str) -> None:
    """Raise ModelUnavailable unless everything that chat needs is in the folder."""
    if not (path / "config.json").is_file():
        raise ModelUnavailable(f"{model}: {path} has no config.json; give a Hugging Face model folder")
    if not any(path.glob("*.safetensors")):
        raise ModelUnavailable(f"{model}: {path} has no weights (*.safetensors); download the model again")
    if not (path / "tokenizer.json").is_file():
        raise ModelUnavailable(f"{model}: {path} has no tokenizer.json; save its fast tokenizer there")
    if not _has_chat_template(path):
        raise ModelUnavailable(f"{model}: {path} has no chat template; choose an instruct model")


def _has_chat_template(path: Path) -> bool:
    if (path / "chat_template.jinja").is_file() or (path / "chat_template.json").is_file():
        return True
    try:
        return bool(json.loads((path / "tokenizer_config.json").read_text()).get("chat_template"))
    except (OSError, ValueError):
        return False
