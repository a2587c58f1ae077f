"""Exporting a version: whole files, a card that says what the registry says, refused where anything was touched."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from safetensors.numpy import load_file

from rustml.errors import EnvironmentFault, EvidenceError, InputError
from rustml.io import write_bytes
from rustml.models import checksums
from rustml.profile import Profile, load
from rustml.release import release_folder
from rustml.runs import tracking
from rustml.stages import export, promote
from tests.support.evaluations import evaluation_of
from tests.support.stores import MODEL, SHARDS_TOKENIZER, Store, open_store, tracking_store

Register = Callable[..., str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_database: bytes) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("export")
    with tracking_store(folder, empty_database):
        yield open_store(folder, load("tiny").gates["sft"])


@pytest.fixture
def profile() -> Profile:
    return load("tiny")


@pytest.fixture
def version(store: Store) -> str:
    return store.registered_shards()


def shard(store: Store, version: str) -> Path:
    return store.files(version) / "model-00002-of-00002.safetensors"


def test_a_release_is_whole_and_checks_itself(store: Store, profile: Profile, version: str, tmp_path: Path) -> None:
    done = export.run(profile, version=version, out=str(tmp_path / "out"))
    assert not done.reused
    assert sorted(load_file(tmp_path / "out" / "model.safetensors")) == ["w1", "w2"]
    assert (tmp_path / "out" / "tokenizer.json").read_text() == SHARDS_TOKENIZER
    assert checksums.check(tmp_path / "out").keys() == {
        "README.md",
        "config.json",
        "model.safetensors",
        "rustml-checkpoint.json",
        "rustml-release.json",
        "tokenizer.json",
    }
    assert release_folder.check(tmp_path / "out", store.registry).version == version
    logged = {entry.path for entry in store.client.list_artifacts(done.run_id)}
    assert logged == {"README.md", "SHA256SUMS"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_second_export_writes_the_card_alone(store: Store, profile: Profile, version: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export.run(profile, version=version, out=str(out))
    before = (out / "model.safetensors").stat().st_mtime_ns
    assert export.run(profile, version=version, out=str(out), licence="mit").reused
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    assert "license: mit\n" in (out / "README.md").read_text()
    release_folder.check(out, store.registry)
    (out / "model.safetensors").write_bytes(b"damaged")
    assert not export.run(profile, version=version, out=str(out)).reused
    assert (out / "model.safetensors").stat().st_size > 100


def test_a_shard_that_was_cut_off_is_refused_by_name(
    store: Store, profile: Profile, version: str, tmp_path: Path
) -> None:
    path = shard(store, version)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"model-00002-of-00002\.safetensors is damaged"):
        export.run(profile, version=version, out=str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_a_shard_with_one_other_bit_is_refused(store: Store, profile: Profile, version: str, tmp_path: Path) -> None:
    path = shard(store, version)
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    with pytest.raises(EvidenceError, match="are not those that were registered"):
        export.run(profile, version=version, out=str(tmp_path / "out"))


def test_another_folder_is_never_overwritten(profile: Profile, version: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no release"):
        export.run(profile, version=version, out=str(tmp_path))
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_another_version_is_never_overwritten(profile: Profile, store: Store, version: str, tmp_path: Path) -> None:
    export.run(profile, version=version, out=str(tmp_path / "out"))
    run = store.run()
    store.client.log_artifacts(run, str(store.files(version)), "output/model")
    other = store.registry.register(store.files(version), f"runs:/{run}/output/model", run_id=run).number
    with pytest.raises(InputError, match=f"holds version {version} of {MODEL}: name another folder"):
        export.run(profile, version=other, out=str(tmp_path / "out"))


def test_a_full_disk_leaves_nothing(
    profile: Profile, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "SHA256SUMS":
            raise OSError(errno.ENOSPC, "No space left on device")
        write_bytes(path, content)

    monkeypatch.setattr(checksums, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        export.run(profile, version=version, out=str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_too_small_a_disk_is_said_first(
    profile: Profile, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rustml.models.export.SPARE_BYTES", 1 << 60)
    with pytest.raises(EnvironmentFault, match="MiB are needed"):
        export.run(profile, version=version, out=str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("also_checksums", [False, True])
def test_an_edited_card_is_refused(
    store: Store, profile: Profile, version: str, tmp_path: Path, *, also_checksums: bool
) -> None:
    out = tmp_path / "out"
    export.run(profile, version=version, out=str(out))
    path = out / "README.md"
    path.write_text(path.read_text().replace("Kind: sharded", "Kind: flawless"))
    if also_checksums:
        checksums.write(out, checksums.of_folder(out))
    kind = EvidenceError if also_checksums else InputError
    with pytest.raises(kind, match="says something else than the registry" if also_checksums else "was changed"):
        release_folder.check(out, store.registry)


def test_new_evidence_makes_a_card_stale_and_writes_the_page_anew(
    store: Store, profile: Profile, version: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export.run(profile, version=version, out=str(out))
    digest = store.registry.digest(version)
    gate = msgspec.structs.replace(profile.gates["sft"], rise=("rust.pass",), hold=(), resamples=1000)
    profile = msgspec.structs.replace(profile, gates={**profile.gates, "sft": gate})
    python = [n < 400 for n in range(500)]
    candidate = store.evaluated(evaluation_of(digest, rust=[n < 120 for n in range(200)], python=python))
    baseline = store.evaluated(evaluation_of("b" * 64, rust=[n < 20 for n in range(200)], python=python))
    for run in (candidate, baseline):
        store.client.set_tag(run, tracking.OUTPUT, "digest")
    promote.run(profile, candidate=version, to="sft", evaluation=candidate, baseline=baseline)
    description = store.client.get_model_version(MODEL, version).description
    assert f"### sft, version {version}: passed" in description
    with pytest.raises(EvidenceError, match=r"the evidence of version .* changed: export it again"):
        release_folder.check(out, store.registry)
    export.run(profile, version=version, out=str(out))
    release_folder.check(out, store.registry)


def test_a_licence_that_is_not_an_identifier_is_refused(profile: Profile, version: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the identifier of a licence"):
        export.run(profile, version=version, out=str(tmp_path / "out"), licence="MIT OR Apache-2.0")
