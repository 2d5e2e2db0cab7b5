"""The parent's adapter, frozen, and the fresh delta beside it: two active adapters, of which one trains."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from server.learner.errors import UnknownProfile, WrongParent
from server.learner.profiles import Profile
from server.learner.types import Factors
from server.learner.whitening import Whitening

PARENT = "parent"
DELTA = "delta"


class Adapters:
    """A base model with the parent's LoRA and a fresh one. `model` is the base with its modules replaced."""

    def __init__(self, model: Any, parent_dir: Path | None, profile: Profile, replaces: bool = False) -> None:
        """With `replaces` the delta is to take the parent's place: it is trained on the base, and the parent
        acts only within `parent_alone`. Raises WrongParent when its factors do not fit this model,
        UnknownProfile when the recipe names modules that it lacks."""
        from peft import LoraConfig, PeftModel, get_peft_model

        from server.learner.fused import FusedLora

        self.model = model
        self.has_parent = parent_dir is not None
        self.parent_below = False
        """Whether the parent also changes layers below those that train now."""
        layers = len(model.model.layers)
        self.first_layer = layers - max(1, round(profile.layers * layers))
        config = LoraConfig(
            r=profile.rank,
            lora_alpha=profile.alpha,
            lora_dropout=0.0,
            target_modules=linear_modules(model, self.first_layer, profile.modules),
        )
        config._register_custom_module({torch.nn.Linear: FusedLora})
        with _without_stale_warning():
            if parent_dir is None:
                self.peft: Any = get_peft_model(model, config, adapter_name=DELTA)
            else:
                touched = _refuse_stranger(model, parent_dir)
                self.parent_below = any((_layer_of(path) or 0) < self.first_layer for path in touched)
                its = LoraConfig.from_pretrained(str(parent_dir))
                its._register_custom_module({torch.nn.Linear: FusedLora})
                self.peft = PeftModel.from_pretrained(
                    model, parent_dir, adapter_name=PARENT, config=its, is_trainable=False
                )
                self.peft.add_adapter(DELTA, config)
        self.parent_below &= not replaces
        self._candidate = [PARENT, DELTA] if self.has_parent and not replaces else [DELTA]
        """The adapters that the candidate version is made of."""
        self._activate(self._candidate)

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """What trains: the delta's factors, float32."""
        return [p for name, p in self.peft.named_parameters() if f".{DELTA}." in name]

    def whitening(self, damping: float, fresh: bool) -> Whitening:
        """Whitening of everything that trains."""
        modules = dict(self.peft.named_modules())
        sites = []
        for name, parameter in self.peft.named_parameters():
            if f".lora_A.{DELTA}." in name:
                sites.append((modules[name.partition(".lora_A.")[0]], parameter))
        return Whitening(sites, damping, fresh)

    @contextmanager
    def parent_alone(self) -> Iterator[None]:
        """Within this the model is the parent version: the base too when there is no parent."""
        if not self.has_parent:
            with self.base_alone():
                yield
            return
        self._activate([PARENT])
        try:
            yield
        finally:
            self._activate(self._candidate)

    @contextmanager
    def base_alone(self) -> Iterator[None]:
        """Within this no adapter acts at all."""
        with self.peft.disable_adapter():
            yield
        self._activate(self._candidate)

    @torch.no_grad()
    def start_from(self, factors: dict[str, torch.Tensor]) -> bool:
        """Begin the delta at `<module path>.A` and `.B`, of its own scale and at most its rank: what they
        leave free stays fresh. False, with nothing changed, when they do not fit."""
        own: dict[str, torch.nn.Parameter] = {}
        for name, parameter in self.peft.named_parameters():
            if f".{DELTA}." in name:
                path, side = name.removeprefix("base_model.model.").split(".lora_")
                own[f"{path}.{side[0]}"] = parameter
        if own.keys() != factors.keys() or not all(_fits(own[name], factors[name]) for name in own):
            return False
        for name, parameter in own.items():
            rows, columns = factors[name].shape
            parameter[:rows, :columns].copy_(factors[name])
        return True

    def sites(self) -> dict[str, Any]:
        """The adapted linear maps, by module path in the base model."""
        return {
            name.removeprefix("base_model.model."): module
            for name, module in self.peft.named_modules()
            if hasattr(module, "lora_A")
        }

    @torch.no_grad()
    def product(self, module: Any, names: Sequence[str] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """(A, B), float32, of the change B·A that adapters make to one map: those of the candidate, or
        `names`. A is (summed rank, in), B (out, summed rank), the scales folded in."""
        here = [name for name in names or self._candidate if name in module.lora_A]
        a = [module.lora_A[name].weight.float() for name in here]
        b = [module.lora_B[name].weight.float() * module.scaling[name] for name in here]
        return torch.cat(a), torch.cat(b, 1)

    def factors(self, profile: Profile) -> Factors:
        """The delta as arrays, by module path in the base model."""
        a: dict[str, np.ndarray] = {}
        b: dict[str, np.ndarray] = {}
        for name, parameter in sorted(self.peft.named_parameters()):
            if f".{DELTA}." not in name:
                continue
            path, side = name.removeprefix("base_model.model.").split(".lora_")
            array = parameter.detach().to("cpu", torch.float32).numpy().copy()
            (a if side.startswith("A") else b)[path] = array
        return Factors(rank=profile.rank, alpha=profile.alpha, a=a, b=b)

    def _activate(self, names: list[str]) -> None:
        self.peft.base_model.set_adapter(names)
        for name, parameter in self.peft.named_parameters():
            parameter.requires_grad_(f".{DELTA}." in name)


def _fits(own: torch.nn.Parameter, given: torch.Tensor) -> bool:
    """Whether they differ in rank at most, the given one's being the lower."""
    differ = [mine != its for mine, its in zip(own.shape, given.shape, strict=True)]
    return sum(differ) <= 1 and all(mine >= its for mine, its in zip(own.shape, given.shape, strict=True))


@contextmanager
def _without_stale_warning() -> Iterator[None]:
    """peft 0.21 reads a property that transformers 5.23 has renamed; it means nothing to us."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def linear_modules(model: Any, first_layer: int, wanted: str) -> list[str]:
    """Full paths of the linear modules in the trained layers, all or those whose last name is wanted."""
    found = []
    for name, module in model.named_modules():
        layer = _layer_of(name)
        if layer is not None and layer >= first_layer and isinstance(module, torch.nn.Linear):
            found.append(name)
    if wanted == "all":
        return found
    there = {name.rpartition(".")[2] for name in found}
    if missing := set(wanted.split("+")) - there:
        raise UnknownProfile(
            f"modules={wanted}: the model has no {' or '.join(sorted(missing))}; "
            f"it has: {', '.join(sorted(there))}"
        )
    return [name for name in found if name.rpartition(".")[2] in wanted.split("+")]


def _layer_of(path: str) -> int | None:
    """The layer that a module path lies in."""
    parts = path.split(".")
    return int(parts[parts.index("layers") + 1]) if "layers" in parts[:-1] else None


def _refuse_stranger(model: Any, parent_dir: Path) -> set[str]:
    """The modules that the parent's adapter changes, after a look at names and shapes."""
    from safetensors import safe_open

    weights = parent_dir / "adapter_model.safetensors"
    if not weights.is_file() or not (parent_dir / "adapter_config.json").is_file():
        raise WrongParent(f"{parent_dir} is no adapter folder: compose the parent version again")
    rank = json.loads((parent_dir / "adapter_config.json").read_text()).get("r")
    modules = dict(model.named_modules())
    touched: set[str] = set()
    with safe_open(weights, framework="np") as file:
        for key in file.keys():  # noqa: SIM118 (not a dict)
            path, _, side = key.removeprefix("base_model.model.").partition(".lora_")
            module = modules.get(path)
            if module is None:
                raise WrongParent(
                    f"the parent adapter has {path}, which this base model lacks: it is of another base"
                )
            shape = tuple(file.get_slice(key).get_shape())
            fits = (rank, module.in_features) if side.startswith("A") else (module.out_features, rank)
            if shape != fits:
                raise WrongParent(
                    f"the parent adapter's {key} is {shape}, this base needs {fits}: it is of another base"
                )
            touched.add(path)
    return touched
