from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from server.learner.fused import FusedLora


class Tiny(nn.Module):
    """One linear map, adapted or not."""

    map: nn.Module

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.map = nn.Linear(48, 40, bias=True, dtype=dtype).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.map(x))


def adapted(fused: bool, dtype: torch.dtype, names: tuple[str, ...]) -> Any:
    """A tiny model with random adapters of the given names, all active, the last one training."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["map"])
    if fused:
        config._register_custom_module({nn.Linear: FusedLora})
    model: Any = get_peft_model(Tiny(dtype), config, adapter_name=names[0])
    for name in names[1:]:
        model.add_adapter(name, config)
    model.base_model.set_adapter(list(names))
    torch.manual_seed(1)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if ".lora_" in path:
                parameter.normal_(std=0.3)
            parameter.requires_grad_(f".{names[-1]}." in path)
    return model


def gradients(model: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of the input and of what trains."""
    x = x.clone().requires_grad_()
    out = model(x)
    out.float().square().mean().backward()
    trained = [p for _, p in sorted(model.named_parameters()) if p.requires_grad]
    return [found for t in (x, *trained) if (found := t.grad) is not None] + [out.detach()]


@pytest.mark.parametrize("rows", [3, 30], ids=["few tokens", "many, for which the factors are added up"])
@pytest.mark.parametrize("names", [("delta",), ("parent", "delta")], ids=["alone", "beside a frozen parent"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)], ids=["float32", "bfloat16"]
)
def test_the_fused_layer_and_its_gradients_are_those_of_pefts_layer(
    names: tuple[str, ...], dtype: torch.dtype, tolerance: float, rows: int
) -> None:
    x = torch.randn(rows, 7, 48, generator=torch.Generator().manual_seed(2)).to(dtype)
    ours, theirs = (gradients(adapted(fused, dtype, names), x) for fused in (True, False))
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        assert float((one.float() - other.float()).norm() / other.float().norm()) < tolerance


def test_a_disabled_adapter_leaves_the_base_as_it_is() -> None:
    model = adapted(True, torch.float32, ("delta",))
    x = torch.randn(2, 48)
    with model.disable_adapter():
        assert torch.equal(model(x), Tiny(torch.float32)(x))


def test_an_adapter_that_does_not_touch_a_layer_changes_nothing_there() -> None:
    model = adapted(True, torch.float32, ("parent", "delta"))
    x = torch.randn(2, 48)
    model.base_model.set_adapter(["parent"])
    alone = model(x)
    model.base_model.set_adapter(["parent", "elsewhere"])
    assert torch.equal(model(x), alone)
