"""Serve a checkpoint and ask it one question: python examples/serve_and_ask.py FOLDER "QUESTION"

The engine listens on a socket that only this user reaches, and ends with this program. What is registered is served,
gates checked, by `mlflow run . -e serve`.
"""

import sys
from pathlib import Path

import openai

from rustml import load_profile
from rustml.serving.smoke import client
from rustml.serving.upstream import serving

LOG = Path("serve_and_ask.log")


def main(folder: str, question: str, profile: str = "tiny") -> str:
    """The answer to the question, printed too."""
    section = load_profile(profile).serve
    with serving(Path(folder), "coder", section, LOG, lambda _seconds: None) as engine, client(engine.socket) as http:
        api = openai.OpenAI(base_url="http://engine/v1", api_key="none", http_client=http)
        reply = api.chat.completions.create(
            model="coder",
            messages=[{"role": "user", "content": question}],
            temperature=0.0,
            max_tokens=section.max_new_tokens,
        )
    answer = reply.choices[0].message.content or ""
    print(answer)
    return answer


if __name__ == "__main__":
    main(*sys.argv[1:])
