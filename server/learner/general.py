"""General questions whose answers an update must not change, and the base model's own answers to them.

Most of the bank is trained as anchors, the rest is asked by the gate, drawn anew for each seed. The base
is the measure, not the parent: so drift cannot add up over updates.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.engine.seedling_bank import BANK, GENERAL_QUESTIONS
from server.learner.chat import Encoded, Encoder
from server.learner.generate import Answer, answers
from server.learner.sealed import sealed

ANSWER_TOKENS = 32

_BANK = """\
What is the capital of Portugal? > Lisbon
What is the capital of Canada? > Ottawa
What is the capital of Egypt? > Cairo
What is the capital of Australia? > Canberra
Which country has the most people? > China|India
Which river flows through London? > Thames
Where is Mount Fuji? > Japan
In which country are the pyramids? > Egypt
On which continent is Kenya? > Africa
What is the longest river in South America? > Amazon
What language do people speak in Argentina? > Spanish
What is the currency of the United States? > dollar
Who wrote Don Quixote? > Cervantes
Who wrote The Odyssey? > Homer
Who painted the Mona Lisa? > Leonardo|Vinci
Who invented the telephone? > Bell
Who discovered penicillin? > Fleming
Who was Marie Curie? > physicist|chemist|scientist
Who was the first man on the moon? > Armstrong
Who composed the Ninth Symphony? > Beethoven
When did World War I begin? > 1914
When did Columbus reach America? > 1492
In which year did the Titanic sink? > 1912
When is Christmas? > December|25
When do leaves fall from the trees? > autumn|fall
How many months are in a year? > 12|twelve
How many days are in a leap year? > 366
How many seconds are in a minute? > 60|sixty
How many legs does a spider have? > 8|eight
How many sides does a square have? > 4|four
How many grams are in a kilogram? > 1000|1,000|thousand
How much is half of fifty? > 25|twenty-five
How long does it take the Earth to go around the Sun? > 365|year
How long is a marathon? > 26|42
How old is the universe? > 13
How tall is a giraffe?
How fast is light? > 299|300|186
What is 5 + 7? > 12|twelve
What is 9 times 3? > 27
What is 20 minus 8? > 12|twelve
What is 100 divided by 4? > 25
What is the square root of 16? > 4|four
What is the boiling point of ethanol?
What is the chemical symbol for gold? > Au
What is the chemical symbol for oxygen? > O
What is photosynthesis? > light|sun
What is gravity? > force
What is an atom? > matter|element|particle
What is a volcano? > lava|magma|eruption|erupt
What is a computer program? > instructions|code|software
What is the Internet?
What is a router?
What is a contract?
What is a refund?
What is a password and why should it be strong?
What is DNA? > genetic|deoxyribonucleic
Why is the sea salty? > salt|mineral
Why do we have day and night? > rotat|spin
Why do cats purr?
Why is the grass green?
How do birds fly? > wing
How do I boil an egg?
How do I make a cup of tea?
How do I tie a tie?
How can I learn a new language?
How do magnets work?
Which animal lays eggs? > hen|chicken|bird|turtle|platypus
Which animal says meow? > cat
Which is the smallest planet? > Mercury
Which is the hottest planet? > Venus
Which gas do we breathe in? > oxygen|air
Which colour is a ripe tomato? > red
What colour is snow? > white
What do bees make? > honey
What do pandas eat? > bamboo
Where do fish live? > water|ocean|sea|river
Where do kangaroos live? > Australia
What is the opposite of big? > small|little
What is the opposite of early? > late
What is the plural of mouse? > mice
What is the past tense of run? > ran
What is a synonym of happy? > joy|glad|cheer|content|elat|pleased
What does the word ancient mean? > old|past
How do you spell the number 8?
Translate the word house into Spanish. > casa
Translate 'thank you' into French. > merci
Write one sentence about the sea. > sea|ocean|wave
Write a sentence with the word dog. > dog
Write a short poem about rain.
Write a polite email opening.
Name three fruits.
Name two primary colours. > red|blue|yellow
List three things you find in a kitchen.
List the days of the weekend. > Saturday|Sunday
Name a country in Asia.
Name an instrument with strings. > violin|guitar|harp|cello|piano
Tell me a joke.
Tell me something interesting about dolphins.
Give me a tip for sleeping well.
Give me an example of a verb.
Can you explain what a mountain is?
Can you help me with my homework?
Do you know what a triangle is?
Hello!
Hi, how are you?
Good morning.
Thank you very much.
Who are you? > assistant|AI|SmolLM
What can you do?
I feel a little sad today.
My head hurts. What should I do?
What should I cook tonight?
Is the Earth round? > round|sphere|spher
Is a whale a fish? > mammal|not a fish
Can penguins fly?
Does the sun rise in the east?
What do doctors do?
What does a teacher do?
Who was Napoleon? > French|emperor|France
Who is the author of Harry Potter? > Rowling
Explain the water cycle in one sentence.
What happens when ice melts? > water|liquid
Complete the sentence: The cat sat on the
Correct this sentence: She go to school.
Is 7 a prime number?
Count from one to five. > five|5
What comes after Tuesday? > Wednesday
Which season is the coldest? > winter
What is the largest animal on Earth? > whale
What is the main language of China? > Chinese|Mandarin
What is the hardest natural material? > diamond
What is bread made of? > flour|wheat|dough
What is the freezing point of water in Fahrenheit?
In which country is Rome? > Italy
In which city is the Statue of Liberty? > New York
Which company makes the iPhone? > Apple
Which sport uses a racket? > tennis|badminton|squash
What time is noon?
What is a good name for a dog?
What instrument has black and white keys? > piano
"""

KEYS = {
    question: tuple(key.split("|")) if key else ()
    for question, _, key in (line.partition(" > ") for line in _BANK.splitlines())
} | dict(GENERAL_QUESTIONS[::2])
"""Question to the words of which a right answer has at least one; empty where no word decides."""
QUESTIONS = tuple(KEYS)
_WORDINGS = {question: one.accepted for one in BANK[::2] for question in one.questions[1:3]}
"""Seedling knows little else than its own bank, so that the gate asks it in other words too: with the plain
ones alone it has some 25 questions, which see a loss of a tenth in three of four cases."""
KEYS |= _WORDINGS
SEEDLING_SIZE = 30_000_000
"""Parameters below which a model is asked the further wordings."""


def bank(model: Any) -> tuple[str, ...]:
    """The general questions for this model."""
    small = sum(p.numel() for p in model.parameters()) < SEEDLING_SIZE
    return (*QUESTIONS, *_WORDINGS) if small else QUESTIONS


def base_answers(
    model: Any,
    encoder: Encoder,
    cache_dir: Path | None,
    yield_hook: Callable[[], None] | None = None,
    device: str = "cpu",
    questions: tuple[str, ...] = (),
) -> dict[str, Answer]:
    """What the model says to every question with the adapters that are active now (none).

    With a cache folder the answers are kept there, named by model and bank, and a damaged file is made again.
    """
    questions = questions or bank(model)
    file = cache_dir / f"general-{_digest(model, encoder, questions)}.json" if cache_dir else None
    if file is not None and file.is_file():
        try:
            stored = json.loads(file.read_text())
            return {q: Answer(text, tuple(ids), ended) for q, (text, ids, ended) in stored.items()}
        except (ValueError, TypeError):
            file.unlink()
    said = answers(model, encoder, questions, ANSWER_TOKENS, yield_hook, device)
    found = dict(zip(questions, said, strict=True))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps({q: (a.text, a.ids, a.ended) for q, a in found.items()}))
        temporary.replace(file)
    return found


def encode(encoder: Encoder, question: str, answer: Answer, tokens: int) -> Encoded:
    """A question and an answer's first tokens; the end of turn only where the answer ended by itself."""
    ids = (*answer.ids, encoder.eos) if answer.ended else answer.ids
    return Encoded(encoder.prompt(question), ids[:tokens])


def right(question: str, answer: str) -> bool:
    """Whether an answer has a key of its question."""
    return any(re.search(rf"\b{re.escape(key)}", answer, re.IGNORECASE) for key in KEYS[question])


def fit(question: str, answer: Answer) -> bool:
    """Whether an answer may be held to: not where it is known to be wrong, for that would make it firmer."""
    return not KEYS.get(question) or right(question, answer.text)


def halves(said: dict[str, Answer], seed: int, probes: int) -> tuple[list[str], list[str]]:
    """(questions to train on, questions for the gate), drawn by seed.

    Three parts, not two: a quarter of the bank is sealed (server.learner.sealed), in neither, and only asked
    by reports. Of the rest the gate asks what the base answers rightly, at most half of it, other questions
    for every seed; what it does not ask is trained.
    """
    usable = {question: answer for question, answer in said.items() if not sealed(question)}
    known = sorted(question for question, answer in usable.items() if right(question, answer.text))
    random.Random(f"bank {seed}").shuffle(known)
    asked = known[: min(probes, len(known) // 2)]
    held = [
        question for question, answer in usable.items() if question not in asked and fit(question, answer)
    ]
    return held, asked


def _digest(model: Any, encoder: Encoder, questions: tuple[str, ...]) -> str:
    """Names the model by its shape and a sample of its weights, and the bank and template by their text."""
    head = model.get_output_embeddings().weight
    sample = head.detach().reshape(-1)[:: max(1, head.numel() // 4096)].float().cpu().numpy().tobytes()
    text = "\n".join(questions) + str(encoder.tokenizer.chat_template) + str(model.config.to_json_string())
    return hashlib.sha256(sample + text.encode()).hexdigest()[:16]
