"""trl's SFTTrainer with a peft LoRA: completion-only loss on tokens made before, as its documentation says.

Its packing and padding-free rows are for flash attention, which a processor has not: batches are padded.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from scripts.benchmarks.arms.data import ALPHA, BETAS, RANK, RATE, Job, Watch, steps_of, targets
from server.engine.mapped import load_mapped
from server.learner.chat import Encoder
from server.learner.memory import release


def main(job: Job, checkpointing: bool = False) -> None:
    """Train and report."""
    warnings.simplefilter("ignore")
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]

    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    model, tokenizer = load_mapped(Path(job.model_dir))
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    steps = steps_of(job, encoder)
    rows = [
        {"input_ids": list(e.ids), "labels": [-100] * len(e.prompt) + list(e.answer)}
        for step in steps
        for e in step
    ]
    # named by hand: the name that datasets 5.2 would reckon from a table it cannot make with pyarrow 26
    data: Any = Dataset(InMemoryTable.from_pylist(rows), fingerprint=f"steps-{job.seed}")
    release()
    watch = Watch(job)

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            watch.begin()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            watch.end()

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=job.examples,
            max_steps=job.steps,
            learning_rate=RATE,
            adam_beta1=BETAS[0],
            adam_beta2=BETAS[1],
            weight_decay=0.0,
            max_grad_norm=1.0,
            lr_scheduler_type="constant",
            optim="adamw_torch",
            train_sampling_strategy="sequential",
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            gradient_checkpointing=checkpointing,
            bf16=False,
            use_cpu=True,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            seed=job.seed,
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=data,
            processing_class=tokenizer,
            peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets(model)),
            callbacks=[Clock()],
        )
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    watch.report(steps, losses)


if __name__ == "__main__":
    main(Job(**json.loads(sys.argv[1])))
