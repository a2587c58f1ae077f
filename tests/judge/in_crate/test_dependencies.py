"""What a crate of a registry needs: resolved and brought by the real Cargo from a real server on loopback."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from rustml.cargo.configuration import load
from rustml.cargo.registry import resolve
from rustml.errors import EnvironmentFault
from rustml.judge.in_crate.dependencies import USE, Dependencies, DependencyStore, read_dependencies
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.resolution import CargoSource, refusal
from rustml.judge.rust import toolchain
from tests.support.cargo_registry import CrateRegistry, archive_path, index_path
from tests.support.crate_archives import manifest
from tests.support.crates import COIN, write_source
from tests.support.in_crate import opened_sandbox

CARGO = toolchain.find().sysroot / "bin" / "cargo"
QUICK = {"CARGO_NET_RETRY": "0", "CARGO_HTTP_TIMEOUT": "5"}
COIN_FILES = {"Cargo.toml": COIN, "src/lib.rs": "pub const VALUE: u32 = 2;\n"}


@pytest.fixture
def registry() -> Iterator[CrateRegistry]:
    with CrateRegistry() as served:
        yield served


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A crate that needs `coin`, and that can do without criterion, missing and winapi."""
    return write_source(tmp_path / "vendor")


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    """A crate that needs `coin` alone."""
    return crate(tmp_path / "kiosk-1.0.0", '[dependencies]\ncoin = "0.3"\n', "1.0.0")


@pytest.fixture
def bring(registry: CrateRegistry, tmp_path: Path) -> Callable[..., Dependencies]:
    def run(*crates: Path) -> Dependencies:
        with store(registry.url, tmp_path / "cache") as opened:
            return [opened.bring(crate) for crate in crates][-1]

    return run


Bring = Callable[..., Dependencies]


def store(url: str, cache: Path) -> DependencyStore:
    return DependencyStore(cache, CargoSource.sparse(url, QUICK), CARGO)


def crate(folder: Path, dependencies: str, version: str = "1.0.0") -> Path:
    """A crate with these lines in its manifest."""
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(manifest("kiosk", version, extra=dependencies))
    (folder / "src" / "lib.rs").write_text("pub fn open() {}\n")
    return folder


def files(name: str, version: str, dependencies: str = "", **more: str) -> Mapping[str, str]:
    return {"Cargo.toml": manifest(name, version, extra=dependencies), "src/lib.rs": "", **more}


def left_behind(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*.partial"))


def test_what_is_needed_is_brought_and_what_can_be_missed_is_named(
    registry: CrateRegistry, shop: Path, bring: Bring, tmp_path: Path
) -> None:
    checksum = registry.add(COIN_FILES)
    made = bring(shop)
    assert (made.fault, made.direct, made.dev) == ("", ("coin",), True)
    (coin,) = made.packages
    assert (coin.name, coin.version, coin.checksum, coin.licence, coin.use) == ("coin", "0.3.1", checksum, "MIT", USE)
    missed = {name for name in ("criterion", "missing", "winapi") if any(name in line for line in made.left_out)}
    assert missed == {"criterion", "missing", "winapi"}
    source = tmp_path / "cache" / made.lock[:32]
    assert (source / "coin-0.3.1" / ".cargo-checksum.json").is_file()
    assert read_dependencies(source) == made
    assert left_behind(tmp_path / "cache") == []


def test_the_second_time_nothing_is_asked(registry: CrateRegistry, kiosk: Path, bring: Bring) -> None:
    registry.add(COIN_FILES)
    made = bring(kiosk)
    registry.close()
    assert bring(kiosk) == made


def test_the_crate_is_built_offline_by_its_lock_and_build_scripts_run_in_the_sandbox_alone(
    registry: CrateRegistry, shop: Path, bring: Bring, tmp_path: Path
) -> None:
    outside = tmp_path / "written-by-a-build-script"
    script = f"""fn main() {{
        std::fs::write("{outside}", "x").ok();
        assert!(std::net::TcpStream::connect("{registry.host.removeprefix("http://")}").is_err());
        println!("cargo:rustc-env=VALUE=2");
    }}"""
    library = 'pub const VALUE: u32 = env!("VALUE").len() as u32 * 2;\n'
    registry.add({"Cargo.toml": COIN, "src/lib.rs": library, "build.rs": script})
    made = bring(shop)
    registry.add({"Cargo.toml": COIN.replace("0.3.1", "0.3.2"), "src/lib.rs": "compile_error!();"})
    with opened_sandbox() as sandbox:
        built = prepare(shop, tmp_path / "cache" / made.lock[:32], tmp_path / "built", sandbox).built
    assert built.fault == ""
    assert any(call.test for call in built.invocations)
    assert not outside.exists()


def test_a_needed_package_that_the_registry_lacks_is_named(kiosk: Path, bring: Bring) -> None:
    made = bring(kiosk)
    assert (made.fault, made.lock) == ("dependency_missing", "")
    assert "coin" in made.detail


def test_a_fault_is_asked_about_again(registry: CrateRegistry, kiosk: Path, bring: Bring) -> None:
    assert bring(kiosk).fault == "dependency_missing"
    registry.add(COIN_FILES)
    assert bring(kiosk).fault == ""


def test_a_yanked_version_is_not_chosen(registry: CrateRegistry, kiosk: Path, bring: Bring) -> None:
    registry.add(COIN_FILES, yanked=True)
    made = bring(kiosk)
    assert made.fault == "dependency_unresolved"
    assert "coin" in made.detail
    registry.add({**COIN_FILES, "Cargo.toml": COIN.replace("0.3.1", "0.3.0")})
    assert [package.version for package in bring(kiosk).packages] == ["0.3.0"]


def test_an_archive_with_another_checksum_is_refused_and_leaves_nothing(
    registry: CrateRegistry, kiosk: Path, bring: Bring, tmp_path: Path
) -> None:
    registry.add(COIN_FILES, checksum="0" * 64)
    made = bring(kiosk)
    assert made.fault == "dependency_checksum"
    assert "coin" in made.detail
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_a_tests_archive_with_another_checksum_is_not_passed_over(
    registry: CrateRegistry, bring: Bring, tmp_path: Path
) -> None:
    registry.add(COIN_FILES, checksum="0" * 64)
    assert bring(crate(tmp_path / "kiosk", '[dev-dependencies]\ncoin = "0.3"\n')).fault == "dependency_checksum"


def test_an_archive_that_is_not_there_is_a_missing_dependency(
    registry: CrateRegistry, kiosk: Path, bring: Bring
) -> None:
    registry.add(COIN_FILES)
    del registry.archives[archive_path("coin", "0.3.1")]
    made = bring(kiosk)
    assert made.fault == "dependency_missing"
    assert "coin" in made.detail


def test_what_leads_to_a_missing_package_goes_where_the_crate_can_do_without(
    registry: CrateRegistry, bring: Bring, tmp_path: Path
) -> None:
    registry.add(COIN_FILES)
    registry.add(files("mint", "1.0.0", '[dependencies]\npress = "2"\n'))
    registry.add(files("press", "2.0.0", '[dependencies]\ngone = "1"\n'))
    optional = '[dependencies]\ncoin = "0.3"\nmint = { version = "1", optional = true }\n'
    made = bring(crate(tmp_path / "optional", optional))
    assert (made.fault, made.direct) == ("", ("coin",))
    needed = bring(crate(tmp_path / "needed", '[dependencies]\nmint = "1"\n', version="2.0.0"))
    assert (needed.fault, "gone" in needed.detail) == ("dependency_missing", True)


@pytest.mark.parametrize(
    "place",
    ['git = "http://127.0.0.1:9/x"', 'path = "/etc"', 'version = "1", registry-index = "sparse+http://127.0.0.1:9/"'],
)
def test_no_manifest_leads_cargo_elsewhere(place: str, bring: Bring, registry: CrateRegistry, tmp_path: Path) -> None:
    needed = bring(crate(tmp_path / "needed", f"[dependencies]\ncoin = {{ {place} }}\n"))
    assert needed.fault == "dependency_missing"
    registry.add(COIN_FILES)
    spare = bring(crate(tmp_path / "spare", f"[dependencies]\ncoin = {{ {place}, optional = true }}\n", "2.0.0"))
    assert (spare.fault, spare.packages) == ("", ())


def test_an_unreadable_manifest_is_a_fault_of_its_crate(bring: Bring, tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text("[package")
    assert bring(tmp_path).fault == "dependency_unresolved"
    odd = bring(crate(tmp_path / "odd", '[dependencies]\n"HTTP curl network" = "1"\n'))
    assert odd.fault == "dependency_unresolved", "words of a manifest are not a registry that does not answer"


def test_a_registry_that_is_gone_in_the_middle_is_a_fault_and_what_was_brought_stays(
    registry: CrateRegistry, kiosk: Path, tmp_path: Path
) -> None:
    registry.add(COIN_FILES)
    registry.add(files("mint", "1.0.0"))
    stall = crate(tmp_path / "stall", '[dependencies]\nmint = "1"\n', "3.0.0")
    registry.trouble[archive_path("mint", "1.0.0")] = lambda _: (503, b"busy")
    with store(registry.url, tmp_path / "cache") as opened:
        made = opened.bring(kiosk)
        with pytest.raises(EnvironmentFault, match=r"127\.0\.0\.1.*503"):
            opened.bring(stall)
    assert left_behind(tmp_path / "cache") == []
    registry.trouble.clear()
    asked = len(registry.requests)
    with store(registry.url, tmp_path / "cache") as opened:
        assert opened.bring(kiosk) == made
        assert len(registry.requests) == asked
        assert opened.bring(stall).fault == ""


def test_no_registry_at_all_is_a_fault(kiosk: Path, registry: CrateRegistry, bring: Bring) -> None:
    registry.close()
    with pytest.raises(EnvironmentFault, match="Run the stage again"):
        bring(kiosk)


def test_an_address_that_is_no_registry_is_a_fault_and_no_missing_dependency(
    registry: CrateRegistry, kiosk: Path, tmp_path: Path
) -> None:
    with store(f"{registry.host}/elsewhere/", tmp_path / "cache") as opened, pytest.raises(EnvironmentFault):
        opened.bring(kiosk)


def _bring(url: str, cache: Path, folder: Path) -> None:
    os.setsid()
    with store(url, cache) as opened:
        opened.bring(folder)


def test_killed_half_way_the_next_run_starts_clean(registry: CrateRegistry, kiosk: Path, tmp_path: Path) -> None:
    registry.add(COIN_FILES)
    asked, go_on = threading.Event(), threading.Event()

    def hang(reply: tuple[int, bytes]) -> tuple[int, bytes]:
        asked.set()
        go_on.wait(60)
        return reply[0], reply[1][:10]

    registry.trouble[archive_path("coin", "0.3.1")] = hang
    cache = tmp_path / "cache"
    running = multiprocessing.get_context("fork").Process(target=_bring, args=(registry.url, cache, kiosk))
    running.start()
    assert asked.wait(60)
    assert running.pid is not None
    os.killpg(running.pid, signal.SIGKILL)
    running.join(60)
    go_on.set()
    assert left_behind(cache), "it was killed within"
    registry.trouble.clear()
    with store(registry.url, cache) as opened:
        assert left_behind(cache) == []
        assert opened.bring(kiosk).fault == ""


def test_a_second_process_waits_for_the_first(registry: CrateRegistry, kiosk: Path, tmp_path: Path) -> None:
    registry.add(COIN_FILES)
    cache = tmp_path / "cache"
    with store(registry.url, cache) as opened:
        waiting = multiprocessing.get_context("fork").Process(target=_bring, args=(registry.url, cache, kiosk))
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        opened.bring(kiosk)
        asked = len(registry.requests)
    waiting.join(60)
    assert waiting.exitcode == 0
    assert len(registry.requests) == asked, "it takes over what the first brought"


def settings(tmp_path: Path, text: str, **environment: str) -> CargoSource:
    """The source that `harvest.registry: cargo` means with these settings of Cargo."""
    home = tmp_path / "cargo"
    home.mkdir()
    (home / "config.toml").write_text(text)
    return CargoSource.of(resolve("cargo", load(tmp_path, {"CARGO_HOME": str(home), **environment})))


def test_a_mirror_that_asks_for_a_login_gets_its_token_and_no_file_holds_it(
    registry: CrateRegistry, kiosk: Path, tmp_path: Path
) -> None:
    registry.add(COIN_FILES)
    registry.token = "Bearer of-coins"
    mirror = f'[source.crates-io]\nreplace-with = "team"\n[registries.team]\nindex = "sparse+{registry.url}"\n'
    source = settings(tmp_path, mirror, CARGO_REGISTRIES_TEAM_TOKEN=registry.token)
    with DependencyStore(tmp_path / "cache", source, CARGO) as opened:
        assert opened.bring(kiosk).fault == ""
    assert registry.token not in repr(source)
    written = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"of-coins" in path.read_bytes()]


def test_a_directory_in_the_place_of_crates_io_is_a_source_as_well(kiosk: Path, tmp_path: Path) -> None:
    vendor = write_source(tmp_path / "vendor").parent
    source = settings(tmp_path, f'[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "{vendor}"\n')
    with DependencyStore(tmp_path / "cache", source, CARGO) as opened:
        made = opened.bring(kiosk)
    assert [(package.name, package.version) for package in made.packages] == [("coin", "0.3.1")]


def test_proxy_and_certificates_of_cargo_are_told_to_cargo(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    source = settings(tmp_path, f'[http]\nproxy = "http://proxy:8080"\ncainfo = "{bundle}"\ntimeout = 7\n')
    assert source.options == []
    assert source.environment == {
        "CARGO_HTTP_PROXY": "http://proxy:8080",
        "CARGO_HTTP_CAINFO": str(bundle),
        "CARGO_HTTP_TIMEOUT": "7",
    }


def test_crates_io_itself_is_put_in_no_ones_place() -> None:
    assert CargoSource.sparse("https://index.crates.io/").options == []
    assert CargoSource.sparse("sparse+https://index.crates.io/").label == "sparse+https://index.crates.io/"


def test_a_complaint_about_something_else_names_no_dependency(tmp_path: Path) -> None:
    assert refusal("error: the disk is full", tmp_path) is None
    checksum = refusal("error: x\n  failed to verify the checksum of `coin v0.3.1`\n", tmp_path)
    assert checksum is not None
    assert checksum.reason == "dependency_checksum"


def test_index_paths_are_cargos() -> None:
    assert [index_path(name) for name in ("a", "ab", "abc", "Abcd")] == ["1/a", "2/ab", "3/a/abc", "ab/cd/abcd"]
