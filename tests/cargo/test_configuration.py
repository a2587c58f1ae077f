"""Which file and which variable decides, and what a file that cannot be used is called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.cargo.configuration import Configuration, load, variable
from rustml.errors import InputError
from tests.cargo.conftest import Settings


def value(configuration: Configuration, *keys: str) -> str:
    setting = configuration.text(*keys)
    return setting.text if setting else ""


def test_the_nearer_file_decides_key_by_key(settings: Settings) -> None:
    made = settings({
        "project/crate/.cargo/config.toml": '[http]\nproxy = "near:1"',
        "project/.cargo/config.toml": '[http]\nproxy = "far:1"\ncainfo = "far.pem"',
        "user/.cargo/config.toml": '[http]\nproxy = "home:1"\ncainfo = "home.pem"\ntimeout = 9',
    })  # fmt: skip
    assert value(made, "http", "proxy") == "near:1"
    assert value(made, "http", "cainfo") == "far.pem"
    assert value(made, "http", "timeout") == "9"
    assert not value(made, "http", "user-agent")


def test_a_variable_decides_over_every_file_and_an_empty_one_over_none(settings: Settings) -> None:
    text = '[http]\nproxy = "file:1"\n[registries.my-mirror]\nindex = "sparse+http://file/"'
    made = settings(text, CARGO_HTTP_PROXY="variable:1", CARGO_REGISTRIES_MY_MIRROR_INDEX="sparse+http://variable/")
    assert value(made, "http", "proxy") == "variable:1"
    assert value(made, "registries", "my-mirror", "index") == "sparse+http://variable/"
    assert value(settings(text, CARGO_HTTP_PROXY=""), "http", "proxy") == "file:1"


def test_cargo_reads_no_variable_for_sources(settings: Settings) -> None:
    made = settings("", CARGO_SOURCE_CRATES_IO_REPLACE_WITH="mirror")
    assert made.text("source", "crates-io", "replace-with") is None


def test_the_old_file_name_is_read_and_comes_first(settings: Settings) -> None:
    made = settings(
        {"user/.cargo/config": '[http]\nproxy = "old:1"', "user/.cargo/config.toml": "[http]\nproxy = 'new:1'"}
    )
    assert value(made, "http", "proxy") == "old:1"


def test_the_home_of_cargo_is_read_once_where_the_folder_lies_below_it(settings: Settings, home: Path) -> None:
    settings('[http]\nproxy = "home:1"')
    folder = home.parent / "work"
    folder.mkdir()
    made = load(folder, {"CARGO_HOME": str(home)})
    assert [file.path for file in made.files] == [home / "config.toml"]


def test_a_relative_path_starts_beside_the_folder_of_the_file(settings: Settings, tmp_path: Path) -> None:
    setting = settings({"project/.cargo/config.toml": '[http]\ncainfo = "certs/ca.pem"'}).text("http", "cainfo")
    assert setting is not None
    assert setting.path == tmp_path / "project" / "certs" / "ca.pem"


def test_included_files_come_after_the_file_and_the_last_of_them_decides(settings: Settings) -> None:
    made = settings({
        "user/.cargo/config.toml": 'include = ["a.toml", {path = "b.toml"}, {path = "none.toml", optional = true}]\n'
        "[http]\nproxy = 'own:1'",
        "user/.cargo/a.toml": "[http]\nproxy = 'a:1'\ntimeout = 1\ncainfo = 'a.pem'",
        "user/.cargo/b.toml": "[http]\ntimeout = 2",
    })  # fmt: skip
    values = [value(made, "http", key) for key in ("proxy", "timeout", "cainfo")]
    assert values == ["own:1", "2", "a.pem"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[http\nproxy = 1", r"config\.toml: Cargo's settings are not TOML.*line 1"),
        ("[http]\nproxy = ['a']", r"config\.toml: http\.proxy: a text is expected"),
        ("include = ['missing.toml']", r"missing\.toml: Cargo's settings cannot be read"),
        ("include = [3]", r"config\.toml: include: a list of paths"),
        ("include = ['config.toml']", r"config\.toml: include: .*circle"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(text: str, message: str, settings: Settings) -> None:
    with pytest.raises(InputError, match=message):
        settings(text).text("http", "proxy")


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.booleans(), st.lists(st.text()))))
def test_values_of_any_kind_are_read_or_refused(tree: dict[str, object]) -> None:
    from rustml.cargo.configuration import ConfigFile

    file = ConfigFile(Path("/x/.cargo/config.toml"), {"http": tree})
    for key, content in tree.items():
        if isinstance(content, str):
            setting = file.text(("http", key))
            assert setting is not None
            assert setting.text == content
        else:
            with pytest.raises(InputError):
                file.text(("http", key))


def test_a_secret_is_not_shown(settings: Settings) -> None:
    made = settings("[registries.mine]\ntoken = 'abc123'", CARGO_REGISTRIES_OTHER_TOKEN="abc456")
    assert "abc" not in repr(made)
    assert "abc" not in repr(made.text("registries", "mine", "token"))


def test_the_name_of_a_variable() -> None:
    assert variable("registries", "my-mirror", "index") == "CARGO_REGISTRIES_MY_MIRROR_INDEX"
