"""Where a token comes from, and that neither a warning nor an error shows it."""

import logging
from pathlib import Path

import pytest

from rustml.cargo.credentials import token
from rustml.errors import InputError
from tests.cargo.conftest import Settings

FILE = "user/.cargo/credentials.toml"


def protect(home: Path, mode: int = 0o600) -> None:
    (home / "credentials.toml").chmod(mode)


def test_the_variable_then_the_credentials_then_the_configuration(settings: Settings, home: Path) -> None:
    config = {"user/.cargo/config.toml": "[registries.my-team]\ntoken = 'configured'"}
    both = config | {FILE: "[registries.my-team]\ntoken = 'stored'"}
    values = [
        token("my-team", settings(config)),
        token("my-team", settings(both)),
        token("my-team", settings(both, CARGO_REGISTRIES_MY_TEAM_TOKEN="given")),
        token("other", settings(both)),
    ]
    protect(home)
    assert [value.text if value else None for value in values] == ["configured", "stored", "given", None]


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 1), (0o644, 1), (0o604, 1)])
def test_a_file_that_others_can_read_is_a_warning(
    mode: int, warnings: int, settings: Settings, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = settings({FILE: "[registries.team]\ntoken = 'secret'"})
    protect(home, mode)
    with caplog.at_level(logging.WARNING):
        value = token("team", made)
    assert value is not None
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == warnings
    assert all("chmod 600" in text and "credentials.toml" in text and "secret" not in text for text in messages)


@pytest.mark.parametrize("bad", ["secret\nnext", "secret\u00e9", "secret\x7f"])
def test_a_token_that_no_header_can_hold_is_refused_without_showing_it(bad: str, settings: Settings) -> None:
    with pytest.raises(InputError, match="CARGO_REGISTRIES_TEAM_TOKEN: the token holds") as caught:
        token("team", settings(CARGO_REGISTRIES_TEAM_TOKEN=bad))
    assert "secret" not in str(caught.value)


def test_a_credentials_file_that_is_not_toml_is_named_and_not_quoted(settings: Settings) -> None:
    with pytest.raises(InputError, match=r"credentials\.toml: Cargo's settings are not TOML") as caught:
        token("team", settings({FILE: "[registries.team]\ntoken = secret"}))
    assert "secret" not in str(caught.value)
