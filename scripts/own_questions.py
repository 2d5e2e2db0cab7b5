"""Have a model make up questions that updates are held to (server/learner/primer.py).

Usage: python -m scripts.own_questions MODEL_FOLDER [--general 1200] [--told 0] [--private 400]
       [--requests 0] [--families] [--freely 0.1]

A chat model asked to go on after the opening of a user's turn writes a user's message (Magpie, Xu et al.
2024, arXiv:2406.08464). With the first words of a question given, it asks for things of all kinds. With a
made-up name among these words, it asks something that only somebody who was told could answer. What the model
answers with the abstention is private too. Messages that tell something and ask nothing are kept apart: of a
model that is mostly told facts they would be nearly all. Requests ask for something to be written, in some
form, and keep more of their answers. What scripts/bench learning asks is left out, and so is what is sealed
(server/learner/sealed.py). Kinds of which none are wanted stay as the model's file has them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch

from scripts.benchmarks.common import plain
from scripts.benchmarks.recall.formats import probes
from scripts.benchmarks.recall.material import Material, narrow, natural
from server.engine.mapped import load_mapped
from server.learner import primer, words
from server.learner.chat import Encoder
from server.learner.generate import answers
from server.learner.neighbours import made_up_name
from server.learner.sealed import sealed
from server.types import ABSTENTION

FAMILIES = Path(__file__).with_name("primer_questions.json")
AT_ONCE = 48
TOP_K = 200
LONGEST = 110
"""Characters of a question; longer ones are stories."""
ANSWER_TOKENS = 16
WRITTEN_TOKENS = 64
"""Of the answer to a request, which goes wrong later than an answer does."""
BENCHMARK = (7, 150)
"""Seed and number of the facts that scripts/bench learning draws unless told otherwise."""
FIRST_WORDS = words.split_phrases(
    """
    What is the capital of | What is the | What is a | Who wrote | Who was | Who invented |
    Who painted | Which country | Which planet | Which animal | In which country is | In which year |
    How many | How long is | How far is | What color is | What do | Where is | Where do | When did |
    When is | What language | What is the currency of | What is the chemical symbol for |
    What is the opposite of | What is the largest | What is the smallest | Why is | Why do | How do |
    What does the word | Name a | Name three | Give me an example of | What is the name of the |
    What are the | How old is | What is the meaning of | Is the | Can a | What happens when |
    What is the main | Which is the | Who is the | What comes | What is the square root of |
    What is the plural of | Write a short | Translate | Explain
    """
)
ASKING = frozenset(
    words.split(
        """
        what what's which who who's whose where when why how tell say name give do does did can could is are
        was were will would in on at by please list explain translate write
        """
    )
)
"""First words of a message that asks for something."""
REQUESTING = words.split_phrases(
    """
    Write a | Write one | Write two | Write three | Write an | Write about | Write a sentence with |
    Write a list of | Write a short | Write a letter to | Use the word | List | List the | List three |
    List five | Give me | Give me a | Give me three | Give an example of | Name two | Name five | Make a |
    Make a list of | Describe | Describe a | Describe the | Explain | Explain how | Explain in one sentence |
    Summarize | Rewrite | Rewrite this sentence: | Translate | Translate into French: | Complete |
    Complete the sentence: | Answer with one word: | Answer in one sentence: | In two sentences, |
    In a few words, | Create a | Suggest a | Suggest three | Compare | Compose a | Tell me a | Tell me about |
    Turn this into | Correct | Put these words | Imagine | Please write | Can you write | Help me write |
    Begin with | Using only | As a list, | In capital letters, | What would you say
    """
)
PRIVATELY = words.split_phrases(
    """
    When does {} | What does {} | Who does {} | Where does {} | How much does {} | How often does {} |
    What is {}'s | How long is {} | Who owns {} | Where is {}'s | When was {} | What colour is {} |
    Who runs {} | How many people at {} | What kind of {} | Which day is {} | What do people at {} |
    Does {} | On which day does {} | How old is {} | How big is {} | Why does {} | Which team at {} |
    In which room is {} | What time does {} | By when must {}
    """
)
KINDS = (
    *words.KINDS,
    *words.split(
        "bakery clinic library museum bridge ferry choir cafe farm theatre gym canteen mill harbour bookshop "
        "laboratory committee orchestra quarry"
    ),
)


class Made(TypedDict):
    """What a model's file holds: questions and requests with the first tokens of its answers."""

    answers: dict[str, list[int]]
    private: list[str]
    requests: dict[str, list[int]]


class Writer:
    """Goes on with openings of a user's turn, by sampling."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        mark = "\N{SNOWMAN}"
        turn = tokenizer.apply_chat_template([{"role": "user", "content": mark}], tokenize=False)
        before, _, after = turn.partition(mark)
        self._before = before
        self._end = tokenizer(after, add_special_tokens=False).input_ids[0]

    @torch.inference_mode()
    def write(self, openings: Sequence[str], tokens: int, top_p: float) -> list[str]:
        """The messages that came to their end within so many tokens, on one line each."""
        from transformers import DynamicCache

        given = [self._tokenizer(self._before + o, add_special_tokens=False).input_ids for o in openings]
        width = max(map(len, given))
        ids = torch.tensor([[self._end] * (width - len(row)) + row for row in given])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in given])
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        said: list[list[int]] = [[] for _ in openings]
        going = torch.ones(len(openings), dtype=torch.bool)
        for _ in range(tokens):
            out = self._model.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state[:, -1]
            ids = self._draw(out, top_p)
            going &= ids[:, 0] != self._end
            for row in going.nonzero()[:, 0].tolist():
                said[row].append(int(ids[row, 0]))
            if not going.any():
                break
            mask = torch.cat([mask, torch.ones(len(openings), 1, dtype=mask.dtype)], 1)
            positions = positions[:, -1:] + 1
        texts = (
            (opening + self._tokenizer.decode(one)).strip()
            for opening, one in zip(openings, said, strict=True)
        )
        ended = (~going).tolist()
        return [
            t for t, over in zip(texts, ended, strict=True) if over and "\n" not in t and 8 < len(t) < LONGEST
        ]

    def _draw(self, hidden: torch.Tensor, top_p: float) -> torch.Tensor:
        head = self._model.get_output_embeddings().weight
        probs, ids = (hidden @ head.t()).float().softmax(-1).topk(min(TOP_K, head.shape[0]))
        probs[probs.cumsum(-1) - probs > top_p] = 0
        drawn: torch.Tensor = ids.gather(1, torch.multinomial(probs, 1))
        return drawn


def subject(rng: random.Random) -> str:
    """'the Kelvo bakery', 'Anna Moreau', 'our web shop', 'Project Brast': nothing that a model can know."""
    name, way = made_up_name(rng), rng.random()
    if way < 0.55:
        return f"the {name} {rng.choice(KINDS)}"
    if way < 0.75:
        return f"{rng.choice(words.FIRST_NAMES)} {rng.choice((name, rng.choice(words.LAST_NAMES)))}"
    if way < 0.9:
        return f"{rng.choice(('our', 'my'))} {rng.choice(words.THINGS)}"
    return f"Project {name}"


def graded() -> frozenset[str]:
    """Everything that the learning benchmark asks, of either language, and its requests."""

    def of(material: Material) -> list[str]:
        facts = [question for fact in material.facts for question in (*fact.questions, *fact.neighbours)]
        return [*facts, *(question for question, _ in material.general), *material.untold]

    asked = [question for make in (natural, narrow) for question in of(make(*BENCHMARK))]
    return frozenset(map(plain, [*asked, *(probe.request for probe in probes())]))


def families() -> list[str]:
    """Further general questions, by pattern: what a model knows of capitals, chemistry and the like."""
    left_out = graded()
    patterns: dict[str, list[str]] = json.loads(FAMILIES.read_text())
    made = [pattern.format(word) for pattern, some in patterns.items() for word in some]
    return [question for question in made if plain(question) not in left_out and not sealed(question)]


def asks(message: str) -> bool:
    """Whether it asks for something, by its end or its first word."""
    return message.endswith("?") or message.split()[0].lower().strip(",:") in ASKING


def gather(wanted: int, batch: Callable[[], list[str]], name: str) -> list[str]:
    """Different questions from as many batches as it takes."""
    left_out = graded()
    found: dict[str, str] = {}
    while len(found) < wanted:
        made = [question for question in batch() if plain(question) not in left_out and not sealed(question)]
        found = {plain(question): question for question in made} | found
        print(f"{name}: {len(found)} of {wanted}", flush=True)
    return list(found.values())[:wanted]


def lines(made: Made) -> str:
    """The file's text, a question a line."""
    answers, requests = (
        ",\n".join(f"{json.dumps(q, ensure_ascii=False)}: {json.dumps(ids)}" for q, ids in kept.items())
        for kept in (made["answers"], made["requests"])
    )
    unknown = ",\n".join(json.dumps(question, ensure_ascii=False) for question in made["private"])
    return f'{{"answers": {{\n{answers}\n}},\n"private": [\n{unknown}\n],\n"requests": {{\n{requests}\n}}}}\n'


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--general", type=int, default=1200)
    parser.add_argument("--told", type=int, default=0, help="messages that tell something")
    parser.add_argument("--private", type=int, default=400)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--families", action="store_true", help="add general questions by pattern")
    parser.add_argument("--freely", type=float, default=0.1, help="share of which no first word is given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=primer.FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(5)
    rng = random.Random(5)
    model, tokenizer = load_mapped(options.model)
    writer = Writer(model, tokenizer)

    def general() -> list[str]:
        if rng.random() < options.freely:
            return list(filter(asks, writer.write([""] * AT_ONCE, 36, 0.95)))
        return writer.write([rng.choice(FIRST_WORDS)] * AT_ONCE, 18, 0.9)

    def told() -> list[str]:
        return [message for message in writer.write([""] * AT_ONCE, 36, 0.95) if not asks(message)]

    def private() -> list[str]:
        way = rng.choice(PRIVATELY)
        asked = writer.write([way.format(subject(rng)) for _ in range(AT_ONCE)], 13, 0.85)
        return [question for question in asked if question.endswith("?")]

    def requests() -> list[str]:
        openings = [rng.choice(REQUESTING) for _ in range(AT_ONCE)]
        return writer.write(openings, 24, 0.9)

    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))

    def answered(asked: Sequence[str], tokens: int) -> tuple[dict[str, list[int]], list[str]]:
        """What the model says to each, and what it abstained from."""
        said = dict(zip(asked, answers(model, encoder, asked, tokens), strict=True))
        unknown = [question for question, answer in said.items() if answer.text.startswith(ABSTENTION[:20])]
        return {
            question: [*answer.ids, *([encoder.eos] if answer.ended else [])]
            for question, answer in said.items()
            if question not in unknown
        }, unknown

    file = options.out / f"{primer.key(model)}.json"
    made: Made = {"answers": {}, "private": [], "requests": {}}
    if file.is_file():
        made |= json.loads(file.read_text())
    asked = gather(options.general, general, "general") if options.general else []
    asked += gather(options.told, told, "told") if options.told else []
    if options.private:
        made["private"] = gather(options.private, private, "private")
    if asked:
        made["answers"], unknown = answered(asked, ANSWER_TOKENS)
        made["private"] += unknown
    if options.families:
        made["answers"] |= answered(families(), ANSWER_TOKENS)[0]
    if options.requests:
        made["requests"], _ = answered(gather(options.requests, requests, "requests"), WRITTEN_TOKENS)
    options.out.mkdir(parents=True, exist_ok=True)
    file.write_text(lines(made))
    print(
        f"wrote {file}: {len(made['answers'])} general, {len(made['private'])} private, "
        f"{len(made['requests'])} requests"
    )


if __name__ == "__main__":
    main()
