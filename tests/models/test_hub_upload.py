"""Uploading to a hub on loopback: one commit, nothing twice, nobody's files touched, no secret told."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.models import hub_upload
from rustml.models.checksums import of_folder
from tests.support.upload_hub import Repository, UploadHub, upload_hub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the hub's client
TOKEN = "hf_planted0secret"
NAME, MARKER = "owner/model", "note.json"


@pytest.fixture
def hub() -> Iterator[UploadHub]:
    with upload_hub() as state:
        yield state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "release"
    (place / "gguf").mkdir(parents=True)
    for name in ("a.safetensors", "b.safetensors", "config.json", MARKER, "gguf/Modelfile"):
        (place / name).write_text(f"contents of {name}")
    return place


def push(folder: Path, *, private: bool = True) -> hub_upload.Upload:
    target = hub_upload.Target(NAME, private=private, token=TOKEN)
    return hub_upload.upload(folder, of_folder(folder), target, marker=MARKER, message="Version 1")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_file_arrives_in_one_commit(hub: UploadHub, folder: Path) -> None:
    done = push(folder)
    repository = hub.repositories[NAME]
    assert repository.private
    assert {name: repository.files[name] for name in contents(folder)} == contents(folder)
    assert (repository.commits, done.commit, done.removed) == (2, repository.head, ())
    assert hub.tokens == {f"Bearer {TOKEN}"}


def test_what_the_hub_has_is_not_sent_again(hub: UploadHub, folder: Path) -> None:
    first = push(folder)
    assert push(folder) == hub_upload.Upload(first.commit, (), ())
    (folder / "b.safetensors").write_text("other contents")
    assert push(folder).sent == ("b.safetensors",)
    assert len(hub.puts) == 3


def test_an_upload_that_was_cut_off_commits_nothing_and_goes_on(hub: UploadHub, folder: Path) -> None:
    hub.refuse_puts_after = 1
    with pytest.raises(EnvironmentFault, match="Push again: it goes on where it stopped"):
        push(folder)
    assert list(hub.repositories[NAME].files) == [".gitattributes"]
    hub.refuse_puts_after = 1000
    push(folder)
    assert len(hub.puts) == len(set(hub.puts)) == 2


def test_files_of_an_earlier_release_go(hub: UploadHub, folder: Path) -> None:
    push(folder)
    (folder / "b.safetensors").unlink()
    assert push(folder).removed == ("b.safetensors",)
    assert hub.repositories[NAME].files.keys() == {".gitattributes", *contents(folder)}


def test_a_repository_of_something_else_is_left_alone(hub: UploadHub, folder: Path) -> None:
    hub.repositories[NAME] = Repository(private=True, files={"thesis.tex": b"mine"})
    with pytest.raises(InputError, match=r"holds thesis\.tex, which no push put there"):
        push(folder)
    assert hub.repositories[NAME].files == {"thesis.tex": b"mine"}
    assert not hub.puts


def test_a_public_repository_gets_no_private_release(hub: UploadHub, folder: Path) -> None:
    hub.repositories[NAME] = Repository(private=False)
    with pytest.raises(InputError, match="is public: give -P public=true"):
        push(folder)
    assert not hub.puts
    assert push(folder, private=False).sent


def test_other_contents_on_the_hub_are_no_success(hub: UploadHub, folder: Path) -> None:
    hub.damage = True
    with pytest.raises(EnvironmentFault, match=r"has another a\.safetensors than the folder"):
        push(folder)


def test_an_error_tells_neither_token_nor_signature(hub: UploadHub, folder: Path) -> None:
    hub.refuse_puts_after = 0
    with pytest.raises(EnvironmentFault) as caught:
        push(folder)
    text = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in text
    assert "secret-signature" not in text
    assert TOKEN not in repr(hub_upload.Target(NAME, private=True, token=TOKEN))


def test_a_hub_that_does_not_answer_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EnvironmentFault, match=r"owner/model cannot be pushed: .*refused") as caught:
        push(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_token_is_refused(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_TOKEN", value)
    with pytest.raises(EnvironmentFault, match="HF_TOKEN is not set"):
        hub_upload.token()
