#!/usr/bin/env python
"""Train seedling from scratch on conversations that its own generator makes up.

    scripts/train_seedling.py --work DIR --minutes 60            # about an hour on one CPU core
    scripts/train_seedling.py --work DIR --minutes 60            # again: continues where it was stopped
    scripts/train_seedling.py --work DIR --publish FOLDER        # writes the model folder from the checkpoint
    scripts/train_seedling.py --work DIR --start FOLDER --rate 1e-3   # a new run from published weights

The published weights are a running mean of the trained ones, so that a model taken halfway is usable too.
Nothing is downloaded. A run is not bit-reproducible across machines: the arithmetic is bfloat16.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server.editor import scaffold
from server.engine.seedling_talk import Conversation, Scaffold, Talk
from server.types import ABSTENTION

SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SCAFFOLD = Scaffold(
    ABSTENTION,
    scaffold.REWRITE,
    scaffold.QUESTION,
    scaffold.ANSWER,
    scaffold.OPENERS,
    scaffold.answer_input,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was found to work; see the model card for what came of it."""

    vocabulary: int = 2048
    hidden: int = 192
    layers: int = 6
    heads: int = 6
    feed_forward: int = 512
    context: int = 512
    batch_tokens: int = 4096
    learning_rate: float = 2e-3
    warmup_steps: int = 150
    decay_from: float = 0.55
    weight_decay: float = 0.05
    given_weight: float = 0.05
    first_weight: float = 4.0  # whether to answer or to abstain is decided in the first token
    mean_decay: float = 0.995


def make_tokenizer(recipe: Recipe, seed: int = 0, texts: int = 20000) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the generator's own text; digits stand alone so that numbers are copied."""
    talk = Talk(random.Random(seed), SCAFFOLD)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(
        (message.content for _ in range(texts) for message in talk.conversation().messages), trainer
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer, eos_token=SPECIAL[1], pad_token=SPECIAL[0], model_max_length=2048
    )
    fast.chat_template = TEMPLATE
    return fast


def make_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained Llama of the recipe's shape."""
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            intermediate_size=recipe.feed_forward,
            vocab_size=len(tokenizer),
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            tie_word_embeddings=True,
            max_position_embeddings=2048,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
            initializer_range=0.03,
        )
    )


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and how much each of them counts as a target."""

    ids: list[int]
    weights: list[float]


class Batches:
    """Conversations as batches of similar length; the state of its random source is the state of the run."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, recipe: Recipe, rng: random.Random) -> None:
        self.tokenizer = tokenizer
        self.recipe = recipe
        self.rng = rng
        self.talk = Talk(rng, SCAFFOLD)

    def example(self, conversation: Conversation) -> Example:
        """The conversation in the chat template; only what the assistant says counts fully."""
        ids: list[int] = []
        weights: list[float] = []
        for place, message in enumerate(conversation.messages):
            role = SPECIAL.index(f"<|{message.role}|>")
            text: list[int] = self.tokenizer.encode(message.content, add_special_tokens=False)
            ids += [role, *text, self.tokenizer.eos_token_id]
            counts = message.role == "assistant" and place >= conversation.given
            said = 1.0 if counts else 0.0 if place < conversation.given else self.recipe.given_weight
            first = said * (self.recipe.first_weight if counts else 1.0)
            weights += [0.0, first, *([said] * len(text))]
        return Example(ids, weights)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            drawn = [self.example(self.talk.conversation()) for _ in range(320)]
            drawn = sorted(
                (one for one in drawn if len(one.ids) <= self.recipe.context), key=lambda one: len(one.ids)
            )
            groups: list[list[Example]] = [[]]
            for example in drawn:
                if (len(groups[-1]) + 1) * len(example.ids) > self.recipe.batch_tokens:
                    groups.append([])
                groups[-1].append(example)
            self.rng.shuffle(groups)
            yield from map(self._tensors, groups)

    def _tensors(self, group: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(len(example.ids) for example in group)
        ids = torch.full((len(group), width), int(self.tokenizer.pad_token_id))
        weights = torch.zeros(len(group), width)
        for row, example in enumerate(group):
            ids[row, : len(example.ids)] = torch.tensor(example.ids)
            weights[row, : len(example.ids)] = torch.tensor(example.weights)
        return ids, weights


class Training:
    """One run: model, optimizer and counters, all of it in one checkpoint file."""

    def __init__(self, work: Path, recipe: Recipe, device: str, start: Path | None = None) -> None:
        self.work, self.recipe, self.device = work, recipe, device
        work.mkdir(parents=True, exist_ok=True)
        self.checkpoint = work / "checkpoint.pt"
        self.tokenizer = self._tokenizer(start)
        self.model = make_model(recipe, self.tokenizer)
        if start is not None:
            self.model.load_state_dict(LlamaForCausalLM.from_pretrained(start).state_dict())
        torch.nn.Module.to(self.model, device)
        if device == "cpu":
            self.model.set_attn_implementation("eager")  # its backward is a third faster
        self.mean = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            betas=(0.9, 0.98),
        )
        self.rng = random.Random(0 if start is None else "continued")
        self.step, self.tokens, self.seconds, self.loss = 0, 0, 0.0, 0.0
        if self.checkpoint.exists():
            self._restore()

    def _tokenizer(self, start: Path | None) -> PreTrainedTokenizerFast:
        folder = self.work / "tokenizer"
        if not folder.exists():  # it stays with the run: weights mean nothing under another tokenizer
            made = (
                make_tokenizer(self.recipe)
                if start is None
                else PreTrainedTokenizerFast.from_pretrained(start)
            )
            made.save_pretrained(folder)
        loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
        return loaded

    def _restore(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.mean = state["mean"]
        self.rng.setstate(state["random"])
        torch.set_rng_state(state["torch_random"].cpu())
        self.step, self.tokens, self.seconds, self.loss = state["counters"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mean": self.mean,
            "random": self.rng.getstate(),
            "torch_random": torch.get_rng_state(),
            "counters": (self.step, self.tokens, self.seconds, self.loss),
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.checkpoint)

    def rate(self, done: float) -> float:
        """Warm up, hold, then fall to a hundredth of the rate; `done` is the share of the run behind us."""
        start = min(1.0, (self.step + 1) / self.recipe.warmup_steps)
        left = min(1.0, (1 - done) / (1 - self.recipe.decay_from))
        return self.recipe.learning_rate * start * max(0.01, left)

    def train_step(self, ids: torch.Tensor, weights: torch.Tensor, done: float) -> None:
        """One optimizer step."""
        ids, weights = ids.to(self.device), weights.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(done)
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16):
            logits = self.model(input_ids=ids).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(
            logits.float().reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="none"
        )
        counted = weights[:, 1:].reshape(-1)
        loss = (losses * counted).sum() / counted.sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._advance(ids.numel(), loss.item())

    def _advance(self, tokens: int, loss: float) -> None:
        self.step += 1
        self.tokens += tokens
        self.loss = loss if self.step == 1 else 0.98 * self.loss + 0.02 * loss
        kept = min(self.recipe.mean_decay, self.step / (self.step + 9))
        for name, value in self.model.state_dict().items():
            self.mean[name].lerp_(value, 1 - kept)

    def run(self, minutes: float, steps: int) -> None:
        """Train until `minutes` of this run's own time or `steps` are over, whichever comes first."""
        last = time.monotonic()
        saved = last
        for ids, weights in Batches(self.tokenizer, self.recipe, self.rng):
            done = max(self.seconds / 60 / minutes, self.step / steps)
            if done >= 1:
                break
            self.train_step(ids, weights, done)
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            if self.step % 50 == 0:
                speed = self.tokens / self.seconds
                print(f"step {self.step}  loss {self.loss:.4f}  {self.tokens / 1e6:.2f} M tokens  "
                      f"{self.seconds / 60:.1f} min  {speed:.0f} tokens/s", flush=True)  # fmt: skip
            if now - saved > 120:
                self.save()
                saved = now
        self.save()

    def publish(self, folder: Path) -> None:
        """Write the model folder beside its place and move it there; other files in it, as the card, stay."""
        temporary = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, temporary)
        self.model.load_state_dict(self.mean)
        self.model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # as above
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
            max_new_tokens=64,
        )
        self.model.save_pretrained(temporary)
        self.tokenizer.save_pretrained(temporary)
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of the checkpoint and the tokenizer")
    parser.add_argument("--minutes", type=float, default=60.0, help="training time over all continuations")
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="begin with the weights of a published folder")
    parser.add_argument("--rate", type=float, default=Recipe().learning_rate, help="highest learning rate")
    parser.add_argument("--publish", type=Path, help="write the model folder from the checkpoint and stop")
    parser.add_argument("--train", action="store_true", help="with --publish: train first")
    return parser.parse_args()


def main() -> None:
    """Train, publish, or both."""
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    recipe = replace(Recipe(), learning_rate=options.rate)
    training = Training(options.work, recipe, options.device, options.start)
    if options.train or not options.publish:
        count = sum(parameter.numel() for parameter in training.model.parameters())
        print(f"{count / 1e6:.2f} M parameters, vocabulary {len(training.tokenizer)}", flush=True)
        training.run(options.minutes, options.steps)
    if options.publish:
        training.publish(options.publish)


if __name__ == "__main__":
    main()
