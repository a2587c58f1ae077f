"""Pushing a release: a dry run that asks nobody, a push that the version remembers, and every refusal before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.push import main
from rustml.errors import EnvironmentFault, EvidenceError, InputError, RustmlError
from rustml.models import checksums
from rustml.profile import Profile, load
from rustml.stages import export, push
from tests.support.stores import Store, open_store, tracking_store, with_easy_gate
from tests.support.upload_hub import UploadHub, upload_hub

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),  # of the hub's client
]
NAME, TOKEN = "owner/coder", "hf_planted0secret"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return with_easy_gate(load("tiny"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, profile: Profile, empty_database: bytes) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("push")
    with tracking_store(folder, empty_database):
        yield open_store(folder, profile.gates["sft"])


@pytest.fixture(scope="module")
def gated(store: Store) -> str:
    """A version that the gate of `sft` let through."""
    return store.gated_shards()


@pytest.fixture
def release(profile: Profile, gated: str, tmp_path: Path) -> Path:
    export.run(profile, version=gated, out=str(tmp_path / "out"), licence="apache-2.0")
    return tmp_path / "out"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[UploadHub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with upload_hub() as state:
        yield state


def refused(profile: Profile, hub: UploadHub, version: str, release: Path, kind: type[RustmlError], why: str) -> None:
    """Refused in a dry run and in a real one, and the hub is asked nothing."""
    for dry_run in (True, False):
        with pytest.raises(kind, match=why) as caught:
            push.run(profile, version=version, repository=NAME, release=str(release), dry_run=dry_run)
        assert "\n" not in str(caught.value)
    assert hub.requests == 0


def test_a_dry_run_lists_everything_and_asks_no_hub(
    profile: Profile,
    hub: UploadHub,
    gated: str,
    release: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    capsys.readouterr()
    assert push.run(profile, version=gated, repository=NAME, release=str(release)) is None
    text = capsys.readouterr().out
    for path in release.iterdir():
        assert f" {path.stat().st_size:,}  {path.name}\n" in text
    assert f"to {NAME} (private)" in text
    assert "nothing was sent" in text
    assert hub.requests == 0


def test_a_push_is_whole_and_the_version_says_where(
    store: Store, profile: Profile, hub: UploadHub, gated: str, release: Path
) -> None:
    done = push.run(profile, version=gated, repository=NAME, release=str(release), dry_run=False)
    assert done is not None
    repository = hub.repositories[NAME]
    assert repository.private
    assert repository.files.keys() - {".gitattributes"} == {path.name for path in release.iterdir()}
    assert all(repository.files[path.name] == path.read_bytes() for path in release.iterdir())
    assert store.registry.version(gated).tags["pushed"] == f"{NAME}@{repository.head}"
    again = push.run(profile, version=gated, repository=NAME, release=str(release), dry_run=False)
    assert again is not None
    assert again.reused
    assert len(hub.puts) == 1


def test_the_token_is_nowhere(
    store: Store, profile: Profile, hub: UploadHub, gated: str, release: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hub.refuse_puts_after = 0
    with pytest.raises(EnvironmentFault):
        push.run(profile, version=gated, repository=NAME, release=str(release), dry_run=False)
    hub.refuse_puts_after = 1000
    push.run(profile, version=gated, repository=NAME, release=str(release), dry_run=False)
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join(capfd.readouterr())
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert store.folder / "mlflow.db" in files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_no_token_is_refused_first(
    profile: Profile, hub: UploadHub, gated: str, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(EnvironmentFault, match="HF_TOKEN is not set"):
        push.run(profile, version=gated, repository=NAME, release=str(release), dry_run=False)
    assert hub.requests == 0


def test_a_changed_file_is_refused_by_name(profile: Profile, hub: UploadHub, gated: str, release: Path) -> None:
    (release / "model.safetensors").write_bytes(b"other weights")
    refused(profile, hub, gated, release, InputError, r"model\.safetensors is not the file")


def test_a_tampered_card_is_refused(profile: Profile, hub: UploadHub, gated: str, release: Path) -> None:
    card = release / "README.md"
    card.write_text(card.read_text().replace("license: apache-2.0", "license: mit"))
    refused(profile, hub, gated, release, InputError, r"README\.md is not the file")
    checksums.write(release, checksums.of_folder(release))
    refused(profile, hub, gated, release, EvidenceError, "the card says something else than the registry")


def test_a_stale_card_is_refused(store: Store, profile: Profile, hub: UploadHub, gated: str, release: Path) -> None:
    store.registry.version(gated).tag({"licence": "mit"})
    refused(profile, hub, gated, release, EvidenceError, "export it again")


def test_a_version_without_a_gate_is_refused(store: Store, profile: Profile, hub: UploadHub, tmp_path: Path) -> None:
    version = store.registered_shards()
    export.run(profile, version=version, out=str(tmp_path / "out"), licence="mit")
    refused(profile, hub, version, tmp_path / "out", EvidenceError, "came through no gate")
    store.registry.version(version).tag({"gate.sft": "passed"})
    refused(profile, hub, version, tmp_path / "out", EvidenceError, "has no valid evidence for sft")


def test_no_licence_is_refused(store: Store, profile: Profile, hub: UploadHub, gated: str, tmp_path: Path) -> None:
    store.registry.version(gated).tag({"licence": ""})
    export.run(profile, version=gated, out=str(tmp_path / "out"))
    refused(profile, hub, gated, tmp_path / "out", EvidenceError, "no licence is stated")


def test_the_release_of_another_version_is_refused(
    store: Store, profile: Profile, hub: UploadHub, gated: str, tmp_path: Path
) -> None:
    other = store.registered_shards()
    export.run(profile, version=other, out=str(tmp_path / "out"), licence="mit")
    refused(profile, hub, gated, tmp_path / "out", InputError, f"holds version {other} of")


@pytest.mark.parametrize("repository", ["coder", "https://hub/owner/coder", "owner/coder@main", "owner/../coder"])
def test_what_is_not_owner_and_name_is_refused(profile: Profile, repository: str) -> None:
    with pytest.raises(InputError, match="is not OWNER/NAME"):
        push.run(profile, version="1", repository=repository)


def test_the_command_is_a_dry_run_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(push, "run", lambda _, **given: calls.append(given))
    assert CliRunner().invoke(main, ["--version", "1", "--repository", NAME]).exit_code == 0
    assert (calls[0]["dry_run"], calls[0]["public"]) == (True, False)
