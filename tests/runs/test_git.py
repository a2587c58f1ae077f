"""The commit of the code, on machines with and without git."""

import pytest

from rustml.runs.git import code_commit


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert code_commit() == ("unknown", False)
