"""peft and a loop of ten lines: padded batches, AdamW, the model's own loss. What one would write first."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from scripts.benchmarks.arms.data import ALPHA, BETAS, RANK, RATE, Job, Watch, steps_of, targets
from server.engine.mapped import load_mapped
from server.learner.chat import Encoded, Encoder
from server.learner.memory import release


def padded(step: list[Encoded], filler: int) -> dict[str, torch.Tensor]:
    """input_ids, attention_mask and labels, (examples, longest); only answers have labels."""
    width = max(len(e.ids) for e in step)
    ids = torch.full((len(step), width), filler)
    mask = torch.zeros(len(step), width, dtype=torch.long)
    labels = torch.full((len(step), width), -100)
    for row, example in enumerate(step):
        end = len(example.ids)
        ids[row, :end] = torch.tensor(example.ids)
        mask[row, :end] = 1
        labels[row, len(example.prompt) : end] = torch.tensor(example.answer)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main(job: Job) -> None:
    """Train and report."""
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    model, tokenizer = load_mapped(Path(job.model_dir))
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    steps = steps_of(job, encoder)
    release()
    watch = Watch(job)
    peft = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets(model)))
    peft.train()
    parameters = [p for p in peft.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=BETAS, weight_decay=0.0)
    losses = []
    for step in steps:
        watch.begin()
        loss = peft(**padded(step, encoder.eos), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        watch.end()
    watch.report(steps, losses)


if __name__ == "__main__":
    main(Job(**json.loads(sys.argv[1])))
