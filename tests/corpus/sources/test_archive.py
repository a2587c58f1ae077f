"""Hostile archives are refused for the right reason, and write nothing anywhere."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.corpus.sources.archive import ArchiveRefused, entries, unpack
from rustml.profile.harvest import ArchiveLimits

LIMITS = ArchiveLimits(archive_mb=4, unpacked_mb=8, entries=100, path_characters=200)
Build = Callable[[tarfile.TarFile], None]


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type = len(data), kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, errors="surrogateescape") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(buffer.getvalue()))
    return path


def refused(path: Path, limits: ArchiveLimits = LIMITS) -> str:
    """The reason for which both reading and unpacking refuse; unpacking must leave nothing."""
    with pytest.raises(ArchiveRefused) as reading:
        list(entries(path, "c-1.0.0", limits))
    into = path.parent / "into"
    into.mkdir(exist_ok=True)
    with pytest.raises(ArchiveRefused) as unpacking:
        unpack(path, "c-1.0.0", limits, into)
    assert reading.value.reason == unpacking.value.reason
    assert not list(into.iterdir())
    return reading.value.reason


def test_an_honest_archive_gives_its_files(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/Cargo.toml", b"x"), member("c-1.0.0/src/lib.rs", b"y"))
    assert [(entry.path, entry.data) for entry in entries(path, "c-1.0.0", LIMITS)] == [
        ("Cargo.toml", b"x"),
        ("src/lib.rs", b"y"),
    ]
    place = unpack(path, "c-1.0.0", LIMITS, tmp_path)
    assert (place / "src" / "lib.rs").read_bytes() == b"y"


@pytest.mark.parametrize(
    "name",
    ["../evil", "c-1.0.0/../../evil", "/etc/evil", "c-1.0.0/a/../../../evil", "//evil", "c-1.0.0/.."],
)
def test_paths_that_leave_the_crate(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/ok.rs", b"x"), member(name, b"evil"))
    assert refused(path) == "archive_traversal"
    assert not list(tmp_path.glob("**/evil"))
    assert not Path("/etc/evil").exists()


@pytest.mark.parametrize("name", ["other-1.0.0/src/lib.rs", "c-1.0.0", "lib.rs", "./c-1.0.0x/lib.rs"])
def test_paths_of_another_crate(tmp_path: Path, name: str) -> None:
    assert refused(archive(tmp_path / "a", member(name, b"x"))) == "archive_foreign_path"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "Cargo.toml"])
def test_links(tmp_path: Path, kind: bytes, target: str) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/link", kind=kind, linkname=target))
    assert refused(path) == "archive_link"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path: Path, kind: bytes) -> None:
    assert refused(archive(tmp_path / "a", member("c-1.0.0/dev", kind=kind))) == "archive_device"


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/\udcff.rs", b"x"))
    assert refused(path) == "archive_name"


@pytest.mark.parametrize("name", ["c-1.0.0/a\\..\\b", "c-1.0.0/a\nb", "c-1.0.0/" + "a" * 300, "c-1.0.0/\x01"])
def test_names_that_no_file_should_have(tmp_path: Path, name: str) -> None:
    assert refused(archive(tmp_path / "a", member(name, b"x"))) == "archive_name"


def test_a_path_that_comes_twice(tmp_path: Path) -> None:
    twice = (member("c-1.0.0/a.rs", b"x"), member("c-1.0.0/a.rs", b"y"))
    assert refused(archive(tmp_path / "a", *twice)) == "archive_duplicate"


def test_a_file_where_a_folder_is(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/a", b"x"), member("c-1.0.0/a/b.rs", b"y"))
    with pytest.raises(ArchiveRefused):
        unpack(path, "c-1.0.0", LIMITS, tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"a"}


def test_a_decompression_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "a", member("c-1.0.0/zeros", bytes(64 << 20)))
    assert bomb.stat().st_size < 1 << 20
    assert refused(bomb) == "archive_bomb"


def test_a_bomb_inside_a_header_stops_at_the_limit(tmp_path: Path) -> None:
    info = tarfile.TarInfo("c-1.0.0/a")
    info.pax_headers = {"comment": "a" * (32 << 20)}
    assert refused(archive(tmp_path / "a", (info, b""), form=tarfile.PAX_FORMAT)) == "archive_bomb"


def test_a_million_tiny_files(tmp_path: Path) -> None:
    path = archive(tmp_path / "a", *(member(f"c-1.0.0/{number}", b"x") for number in range(101)))
    assert refused(path) == "archive_entries"


def test_an_archive_over_its_own_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0" * ((4 << 20) + 1))
    assert refused(path) == "archive_size"


def test_a_size_that_lies(tmp_path: Path) -> None:
    honest = archive(tmp_path / "a", member("c-1.0.0/a.rs", b"x" * 600))
    raw = bytearray(gzip.decompress(honest.read_bytes()))
    info = tarfile.TarInfo("c-1.0.0/a.rs")
    info.size = 5000
    raw[:512] = info.tobuf(tarfile.GNU_FORMAT)
    honest.write_bytes(gzip.compress(bytes(raw[:1536])))
    assert refused(honest) == "archive_corrupt"


def test_a_negative_size(tmp_path: Path) -> None:
    info = tarfile.TarInfo("c-1.0.0/a.rs")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\xff" * 12
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(bytes(block) + bytes(1024)))
    assert refused(path) == "archive_corrupt"


def test_a_sparse_file_that_claims_terabytes(tmp_path: Path) -> None:
    info = tarfile.TarInfo("c-1.0.0/a.rs")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": "9" * 12,
    }
    info.size = 1
    assert refused(archive(tmp_path / "a", (info, b"x"), form=tarfile.PAX_FORMAT)) in (
        "archive_device",
        "archive_corrupt",
    )


@pytest.mark.parametrize("keep", [0, 1, 10, 40, 80, -1])
def test_truncation(tmp_path: Path, keep: int) -> None:
    path = archive(tmp_path / "a", member("c-1.0.0/a.rs", bytes(range(256)) * 8))
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(path) == "archive_corrupt"


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"<html>not found</html>")
    assert refused(path) == "archive_corrupt"


@given(noise=st.binary(max_size=2000), data=st.data())
def test_random_damage_never_escapes_as_another_exception(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    path = archive(folder / "a", member("c-1.0.0/Cargo.toml", b"x" * 700), member("c-1.0.0/b", b"y" * 700))
    raw = bytearray(gzip.decompress(path.read_bytes()))
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + len(noise)] = noise
    path.write_bytes(gzip.compress(bytes(raw)))
    limits = msgspec.structs.replace(LIMITS, unpacked_mb=1)
    try:
        paths = [entry.path for entry in entries(path, "c-1.0.0", limits)]
    except ArchiveRefused:
        return
    assert all(".." not in part.split("/") and not part.startswith("/") for part in paths)
