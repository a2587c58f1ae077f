"""Read a git repository, without hooks, filters and pagers."""

import subprocess

from rustml.errors import InputError


def git(repository: str, *words: str) -> bytes:
    """Output of git on a repository of `harvest.repositories`. Raises InputError with git's own message."""
    settings = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
    command = ["git", "--no-pager", *settings, "-C", repository, *words]
    result = subprocess.run(command, capture_output=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(f"harvest.repositories: {repository}: {lines[-1] if lines else 'git failed'}")
    return result.stdout


def head(repository: str) -> str:
    """The commit at HEAD. Raises InputError as `git` does."""
    return git(repository, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
