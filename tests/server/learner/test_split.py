"""The packed, split run gives what the whole model gives, example by example."""

from pathlib import Path
from typing import Any

import torch

from server.engine.mapped import load_mapped
from server.learner.chat import Encoder
from server.learner.pack import pack
from server.learner.split import SplitModel

PAIRS = [("What is it?", "A cat."), ("Who runs the big office in town?", "Anna."), ("Hm?", "No idea at all.")]


def test_states_of_packed_examples_equal_those_of_each_example_alone(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    examples = [encoder.example(q, a) for q, a in PAIRS]
    split = SplitModel(model.model, 2, encoder.prefix)
    assert split.first == 2
    with torch.no_grad():
        hidden, packed = split.hidden(examples)
        for index, example in enumerate(examples):
            alone = model.model(input_ids=torch.tensor([example.ids])).last_hidden_state[0]
            wanted = alone[len(example.prompt) - 1 : -1]
            assert torch.allclose(hidden[packed.owner == index], wanted, atol=1e-5)


def test_the_second_run_of_an_example_does_not_touch_the_lower_layers(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    examples = [encoder.example(q, a) for q, a in PAIRS]
    split = SplitModel(model.model, 2, encoder.prefix)
    with torch.no_grad():
        first, _ = split.hidden(examples)
        runs: list[int] = []
        handle = model.model.layers[0].register_forward_hook(lambda *_: runs.append(1))
        second, _ = split.hidden(examples)
        handle.remove()
    assert torch.equal(first, second)
    assert runs == []


def test_a_model_whose_halves_do_not_add_up_is_run_whole(tiny_dir: Path) -> None:
    model, tokenizer = load_mapped(tiny_dir)
    inner = model.model
    plain_forward = type(inner).forward

    class Scaling(type(inner)):  # type: ignore[misc]
        """Scales what enters the stack, as some families do inside forward."""

        def forward(self, input_ids: Any = None, inputs_embeds: Any = None, **kwargs: Any) -> Any:
            embedded = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
            return plain_forward(self, inputs_embeds=embedded * 3, **kwargs)

    inner.__class__ = Scaling
    encoder = Encoder(tokenizer, 512)
    split = SplitModel(inner, 2, encoder.prefix)
    assert split.first == 0
    example = encoder.example(*PAIRS[0])
    with torch.no_grad():
        hidden, _ = split.hidden([example])
        alone = inner(input_ids=torch.tensor([example.ids])).last_hidden_state[0]
    assert torch.allclose(hidden, alone[len(example.prompt) - 1 : -1], atol=1e-5)


def test_rows_close_before_they_grow_past_the_limit(tiny: tuple[Any, Any]) -> None:
    _, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    examples = [encoder.example(q, a) for q, a in PAIRS * 3]
    packed = pack(examples, encoder.prefix, row_tokens=150)
    assert packed.ids.shape[0] > 1
    assert packed.ids.shape[1] <= 160  # filled up to whole blocks
    flat = packed.ids.reshape(-1)
    assert torch.equal(flat[packed.predict + 1], packed.targets)
