"""What LiteLLM gets from a running server: `python litellm_surface.py URL`, one JSON object on stdout.

A process of its own: LiteLLM changes the process that imports it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm
from litellm.exceptions import NotFoundError

MESSAGES = [{"role": "user", "content": "count"}]


def main(url: str) -> None:
    """Ask every route that LiteLLM has a function for."""
    where: dict[str, Any] = {"api_base": f"{url}/v1", "api_key": "any", "num_retries": 0}
    model = "openai/tiny"
    whole: Any = litellm.completion(model=model, messages=MESSAGES, user="ana", **where)
    stream: Any = litellm.completion(model=model, messages=MESSAGES, stream=True, **where)
    text: Any = litellm.text_completion(
        model="text-completion-openai/tiny", prompt="count", max_tokens=3, **where
    )
    vectors: Any = litellm.embedding(model="openai/all-MiniLM-L6-v2", input=["one", "two"], **where)
    response: Any = litellm.responses(model=model, input="count", **where)
    try:
        litellm.completion(model="openai/gpt-9", messages=MESSAGES, **where)
        refused = ""
    except NotFoundError as error:
        refused = str(error)
    came = {
        "whole": whole.choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in stream),
        "text": text.choices[0].text,
        "dimensions": [len(row["embedding"]) for row in vectors.data],
        "response": response.output[0].content[0].text,
        "refused": refused,
    }
    sys.stdout.write(json.dumps(came))


if __name__ == "__main__":
    main(sys.argv[1])
