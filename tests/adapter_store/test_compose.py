from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from adapter_store import Delta, EmptyVersion, IncompatibleDelta, Store, StoreError, UnknownDelta, Version
from adapter_store.compose import CONFIG, WEIGHTS, stack

BASE = "b" * 64
Q0 = "model.layers.0.self_attn.q_proj"
D1 = "model.layers.1.mlp.down_proj"
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def base() -> LlamaForCausalLM:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model: LlamaForCausalLM = LlamaForCausalLM(shape)
    model.train(False)
    return model


def logits(model: torch.nn.Module) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(model(TOKENS).logits)


def logits_with(base: LlamaForCausalLM, deltas: list[Delta]) -> np.ndarray:
    """The reference: every delta added to the weights by hand."""
    summed = copy.deepcopy(base)
    for delta in deltas:
        for module in delta.manifest.modules:
            change = delta.manifest.alpha / delta.manifest.rank * (delta.b[module] @ delta.a[module])
            summed.state_dict()[f"{module}.weight"].add_(torch.from_numpy(change))
    return logits(summed)


def loaded(base: LlamaForCausalLM, folder: Path) -> PeftModel:
    return PeftModel.from_pretrained(copy.deepcopy(base), str(folder)).eval()


def three(make_delta: Callable[..., Delta]) -> list[Delta]:
    return [
        make_delta((Q0, D1), rank=2, alpha=3.0, seed=1),
        make_delta((Q0,), rank=3, alpha=5.0, seed=2),
        make_delta((D1,), rank=1, alpha=0.7, seed=3),
    ]


def test_plain_peft_loads_a_version_and_its_logits_are_the_base_with_the_sum_of_the_deltas(
    store: Store, make_delta: Callable[..., Delta], base: LlamaForCausalLM
) -> None:
    deltas = three(make_delta)
    folder = store.compose(Version("v3", BASE, tuple(store.put(d) for d in deltas)))
    got = logits(loaded(base, folder))
    np.testing.assert_allclose(got, logits_with(base, deltas), rtol=1e-4, atol=1e-4)
    assert np.abs(got - logits(base)).max() > 0.01, "the deltas are large enough to tell"


def test_no_layer_is_touched_that_no_delta_touches(
    store: Store, make_delta: Callable[..., Delta], base: LlamaForCausalLM
) -> None:
    folder = store.compose(Version("v1", BASE, (store.put(make_delta((Q0,))),)))
    names = {name for name, _ in loaded(base, folder).named_modules() if name.endswith(".lora_A")}
    assert names == {f"base_model.model.{Q0}.lora_A"}


def test_a_delta_can_be_revoked_from_the_middle(
    store: Store, make_delta: Callable[..., Delta], base: LlamaForCausalLM
) -> None:
    deltas = three(make_delta)
    ids = [store.put(delta) for delta in deltas]
    folder = store.compose(Version("v4", BASE, (ids[0], ids[2])))
    np.testing.assert_allclose(
        logits(loaded(base, folder)), logits_with(base, [deltas[0], deltas[2]]), rtol=1e-4, atol=1e-4
    )


def test_the_stack_is_exact_when_the_scale_is_a_power_of_two(make_delta: Callable[..., Delta]) -> None:
    deltas = [make_delta((Q0,), rank=4, alpha=8.0, seed=1), make_delta((Q0,), rank=2, alpha=1.0, seed=2)]
    a, b = stack(deltas)
    np.testing.assert_array_equal(a[Q0], np.vstack([deltas[0].a[Q0], deltas[1].a[Q0]]))
    np.testing.assert_array_equal(b[Q0], np.hstack([deltas[0].b[Q0] * 2, deltas[1].b[Q0] / 2]))


def test_the_config_is_a_plain_lora_whose_own_scale_is_one(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    version = Version("v3", BASE, tuple(store.put(d) for d in three(make_delta)))
    config = json.loads((store.compose(version) / CONFIG).read_text())
    assert config["peft_type"] == "LORA"
    assert config["r"] == config["lora_alpha"] == store.rank(version) == 5
    assert config["target_modules"] == [Q0, D1]
    assert (config["bias"], config["inference_mode"], config["use_dora"]) == ("none", True, False)
    assert config["base_model_name_or_path"] == "tiny"


def test_the_same_version_has_the_same_bytes_in_another_store(
    tmp_path: Path, make_delta: Callable[..., Delta]
) -> None:
    found = []
    for root in ("here", "there"):
        store = Store(tmp_path / root)
        version = Version("v3", BASE, tuple(store.put(d) for d in three(make_delta)))
        found.append((store.digest(version), store.files(version)))
    assert found[0] == found[1]
    assert set(found[0][1]) == {CONFIG, WEIGHTS}


def test_the_digest_follows_base_and_deltas_in_order_and_not_the_name(store: Store) -> None:
    one, two = "1" * 64, "2" * 64
    digest = store.digest(Version("v1", BASE, (one, two)))
    assert digest == store.digest(Version("v9", BASE, (one, two)))
    assert digest != store.digest(Version("v1", BASE, (two, one)))
    assert digest != store.digest(Version("v1", "c" * 64, (one, two)))


def test_the_base_has_no_folder_and_no_files(store: Store) -> None:
    with pytest.raises(EmptyVersion, match="v0 has no deltas"):
        store.compose(Version("v0", BASE, ()))
    assert store.files(Version("v0", BASE, ())) == {}
    assert store.rank(Version("v0", BASE, ())) == 0


def test_a_delta_of_another_base_is_refused(store: Store, make_delta: Callable[..., Delta]) -> None:
    foreign = store.put(make_delta(base="c" * 64))
    with pytest.raises(IncompatibleDelta, match="trained on base"):
        store.compose(Version("v1", BASE, (foreign,)))


def test_deltas_that_disagree_about_a_layers_size_are_refused(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    ours = make_delta((Q0,))
    wider = Delta(ours.manifest, {Q0: np.ones((2, 40), np.float32)}, ours.b)
    with pytest.raises(IncompatibleDelta, match="disagree about the size"):
        store.compose(Version("v1", BASE, (store.put(ours), store.put(wider))))


def test_an_unknown_delta_and_a_bad_name_are_told(store: Store, make_delta: Callable[..., Delta]) -> None:
    with pytest.raises(UnknownDelta, match="No delta"):
        store.compose(Version("v1", BASE, ("f" * 64,)))
    with pytest.raises(UnknownDelta):
        store.get("../../etc/passwd")
    with pytest.raises(StoreError, match="cannot name a folder"):
        store.compose(Version("../v1", BASE, (store.put(make_delta()),)))
