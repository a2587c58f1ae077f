"""The commit that the code of this package is at."""

import subprocess
from pathlib import Path


def code_commit() -> tuple[str, bool]:
    """The commit of the code, and whether the working tree differs from it; `unknown` outside a repository or git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:  # as in a container
            return ""

    return git("rev-parse", "HEAD").strip() or "unknown", bool(git("status", "--porcelain").strip())
