"""Where Cargo's settings lead from the name in a profile, and which of them are refused."""

from pathlib import Path

import pytest

from rustml.cargo import DirectorySource, LocalRegistry, SparseRegistry, resolve
from rustml.errors import InputError
from tests.cargo.conftest import Settings

PUBLIC = "sparse+https://index.crates.io/"
REPLACED = '[source.crates-io]\nreplace-with = "mirror"\n'
MIRROR = '[source.mirror]\nregistry = "sparse+https://mirror.example/index/"\n'


def sparse(registry: str, settings: Settings, text: str = "", **variables: str) -> SparseRegistry:
    source = resolve(registry, settings(text, **variables))
    assert isinstance(source, SparseRegistry)
    return source


@pytest.mark.parametrize("address", ["https://index.crates.io/", "sparse+https://index.crates.io"])
def test_an_address_is_taken_as_it_is_whatever_cargo_was_told(address: str, settings: Settings) -> None:
    source = sparse(address, settings, REPLACED + MIRROR + "[http]\nproxy = 'other:1'")
    assert (source.index, source.public, source.http.proxy) == ("https://index.crates.io", PUBLIC, "")
    assert source.token() is None


@pytest.mark.parametrize("name", ["cargo", "crates-io"])
def test_without_settings_cargo_means_crates_io(name: str, settings: Settings) -> None:
    source = sparse(name, settings)
    assert (source.index, source.public, source.label) == ("https://index.crates.io", PUBLIC, PUBLIC)


def test_a_mirror_is_asked_and_the_crates_stay_those_of_crates_io(settings: Settings) -> None:
    source = sparse("cargo", settings, REPLACED + MIRROR)
    assert (source.index, source.public) == ("https://mirror.example/index", PUBLIC)
    assert "mirror.example" in source.label
    assert PUBLIC in source.label


def test_replacements_are_followed_to_their_end(settings: Settings) -> None:
    text = REPLACED + '[source.mirror]\nreplace-with = "second"\n[source.second]\nregistry = "sparse+http://second/"\n'
    assert sparse("cargo", settings, text).index == "http://second"


def test_a_replacement_may_be_a_registry(settings: Settings) -> None:
    text = '[source.crates-io]\nreplace-with = "team"\n[registries.team]\nindex = "sparse+http://team/"\ntoken = "t"'
    source = sparse("cargo", settings, text)
    token = source.token()
    assert (source.index, source.public, source.name) == ("http://team", PUBLIC, "team")
    assert token is not None
    assert token.text == "t"


def test_the_old_address_of_crates_io_beside_a_replacement_does_no_harm(settings: Settings) -> None:
    git = 'registry = "https://github.com/rust-lang/crates.io-index"\n'
    assert sparse("cargo", settings, REPLACED + git + MIRROR).index == "https://mirror.example/index"


def test_a_circle_is_shown(settings: Settings) -> None:
    text = REPLACED + '[source.mirror]\nreplace-with = "b"\n[source.b]\nreplace-with = "crates-io"\n'
    with pytest.raises(
        InputError, match=r"config\.toml: source\.b\.replace-with: .*crates-io -> mirror -> b -> crates-io"
    ):
        resolve("cargo", settings(text))


def test_folders_are_read_from_the_file_that_names_them(settings: Settings, tmp_path: Path) -> None:
    for folder, kind in (("vendor", "directory"), ("archives", "local-registry")):
        (tmp_path / "project" / folder).mkdir(parents=True)
        text = f'{REPLACED}[source.mirror]\n{kind} = "{folder}"\n'
        source = resolve("cargo", settings({"project/.cargo/config.toml": text}))
        assert isinstance(source, DirectorySource | LocalRegistry)
        assert source.folder == (tmp_path / "project" / folder).resolve()
        assert str(source.folder) in source.label
    assert isinstance(source, LocalRegistry)
    assert source.public == PUBLIC


def test_a_named_registry_with_its_index_from_file_or_variable(settings: Settings) -> None:
    text = '[registries.team]\nindex = "sparse+https://team.example/"\n'
    assert sparse("team", settings, text).public == "sparse+https://team.example/"
    elsewhere = sparse("team", settings, text, CARGO_REGISTRIES_TEAM_INDEX="sparse+https://other.example/")
    assert elsewhere.index == "https://other.example"


def test_a_named_registry_may_be_replaced_too(settings: Settings) -> None:
    text = '[registries.team]\nindex = "sparse+https://team.example/"\n[source.team-source]\n'
    text += 'registry = "sparse+https://team.example"\nreplace-with = "mirror"\n' + MIRROR
    source = sparse("team", settings, text)
    assert (source.index, source.public) == ("https://mirror.example/index", "sparse+https://team.example/")
    assert not source.name, "the token of a registry is not for its mirror"


@pytest.mark.parametrize("table", ["[registries.team]\nindex = 'sparse+https://mirror.example/index'\ntoken = 't'", ""])
def test_a_mirror_has_the_token_of_the_registry_with_its_address(table: str, settings: Settings) -> None:
    variables = {
        "CARGO_REGISTRIES_TEAM_INDEX": "sparse+https://mirror.example/index/",
        "CARGO_REGISTRIES_TEAM_TOKEN": "t",
    }
    token = sparse("cargo", settings, REPLACED + MIRROR + table, **({} if table else variables)).token()
    assert token is not None
    assert token.text == "t"


@pytest.mark.parametrize(
    ("registry", "text", "message"),
    [
        ("cargo", REPLACED, r"source\.crates-io\.replace-with: there is no \[source\.mirror\]"),
        ("cargo", REPLACED + "[source.mirror]\nregistry = 'https://h/i'", r"mirror\.registry: .*git index.*sparse\+"),
        ("cargo", REPLACED + "[source.mirror]\ngit = 'https://host/repo'", r"mirror\.git: .*git index.*sparse\+"),
        ("cargo", "[registries.crates-io]\nprotocol = 'git'", r"registries\.crates-io\.protocol: .*git index.*sparse"),
        ("cargo", REPLACED + MIRROR + "directory = '/'", r"\[source\.mirror\] more than one place"),
        ("cargo", REPLACED + "[source.mirror]\ndirectory = 'none'", r"source\.mirror\.directory: there is no folder"),
        ("team", "[registries.other]\nindex = 'sparse+http://o/'", r"no .*team\] \(there: other\).*_TEAM_INDEX"),
        ("team", "[registries.team]\nindex = 'https://host/git'", r"registries\.team\.index: .*git index"),
        ("team", "[registries.team]\nindex = 'ssh://git:secret@host/i'", r"index: ssh://host/i is a git index"),
        ("team", "[registries.team]\nindex = 'sparse+https://me:secret@host/'", "name or password"),
        ("https://me:secret@host/", "", r"harvest\.registry: .*name or password"),
        ("file:///index", "", r"harvest\.registry: file:///index is not the address of a sparse index"),
        ("https://[bad/", "", r"harvest\.registry: not an address"),
        (
            "cargo",
            REPLACED + MIRROR + "[registries.a]\nindex = 'sparse+https://mirror.example/index'\n"
            "[registries.b]\nindex = 'sparse+https://mirror.example/index/'",
            "a, b of .registries. the same index",
        ),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_refused_with_the_key(registry: str, text: str, message: str, settings: Settings) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve(registry, settings(text))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
