"""A record traced to its bytes: harvested from a registry on loopback, paired, found, verified, and fetched again."""

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.corpus.harvest import harvest
from rustml.corpus.sources.registry import archive_path, index_path
from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256
from rustml.pairs.build import build
from rustml.pairs.trace import own_lines
from rustml.profile import Profile, load
from rustml.records import Origin, Pair, read_jsonl, write_jsonl
from rustml.stages.trace import Output, Tracer
from rustml.tasks import OF_FUNCTIONS
from tests.support.crate_archives import manifest, pack
from tests.support.loopback_registry import serving

SOURCE = """\
//! A crate.

pub struct Counter {
    bound: u64,
}

impl Counter {
    /// Counts the items that lie below the bound of this counter.
    ///
    /// The empty slice counts as zero.
    #[inline]
    #[allow(
        clippy::needless_range_loop
    )]
    pub fn count(&self, items: &[u64]) -> u64 {
        let message = "a
    string over lines";
        let mut total = 0;
        for item in items.iter().copied() {
            if item < self.bound {
                total += item + message.len() as u64;
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let counter = Counter { bound: 3 };
        assert_eq!(counter.count(&[]), 0);
    }
}
"""


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@dataclass
class World:
    """A served registry, what was harvested from it, and the records made of that."""

    profile: Profile
    served: Path
    cache: CacheLayout
    pairs: Path

    @property
    def records(self) -> list[Pair]:
        return [pair for path in sorted(self.pairs.glob("*.jsonl")) for pair in read_jsonl(path, Pair)]

    def record(self, task: str) -> Pair:
        return next(pair for pair in self.records if pair.task == task)

    def archive(self, pair: Pair) -> Path:
        return archive_path(self.cache.root, pair.origin.archive_sha256)

    def told(self, pair_id: str, *, fetch: bool = False) -> str:
        tracer = Tracer(self.profile, lambda: self.cache, fetch=fetch)
        return "\n".join(tracer.report(pair_id, [Output(self.pairs)]))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The folder and the address of a registry of static files."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(served: tuple[Path, str], tmp_path: Path) -> World:
    folder, url = served
    archive = folder / "counter.crate"
    archive.write_bytes(pack("counter-1.0.0", {"Cargo.toml": manifest("counter", "1.0.0"), "src/lib.rs": SOURCE}))
    line = {"name": "counter", "vers": "1.0.0", "deps": [], "cksum": file_sha256(archive), "yanked": False}
    index = folder / "index" / index_path("counter")
    index.parent.mkdir(parents=True)
    index.write_text(json.dumps(line))
    (folder / "index" / "config.json").write_text(json.dumps({"dl": f"{url}/{{crate}}.crate"}))
    profile = load("tiny", [f"harvest.registry={url}/index/", "harvest.crates=[counter]", "harvest.min_crates=1"])
    quick = msgspec.structs.replace(profile.harvest, directory="", attempts=2, backoff_seconds=0.0)
    profile = msgspec.structs.replace(profile, harvest=quick)
    cache = CacheLayout(tmp_path / "cache")
    harvest(profile.harvest, tmp_path / "harvest", workers=1, cache=cache.root)
    tasks = dict.fromkeys(OF_FUNCTIONS, 1.0)
    section = msgspec.structs.replace(
        profile.pairs, tasks=tasks, max_pair_characters=10_000, raw_max_characters=10_000, holdout_percent=0.0
    )
    build(section, tmp_path / "harvest", tmp_path / "pairs", protected=[], workers=1)
    return World(profile, folder, cache, tmp_path / "pairs")


def test_archive_file_and_answer_hold_for_every_task(world: World) -> None:
    tasks = {pair.task for pair in world.records}
    assert tasks >= set(OF_FUNCTIONS) - {"variable_naming", "search"}
    assert "raw" in tasks
    for pair in world.records:
        told = world.told(pair.id)
        assert f"{world.archive(pair)} is in the cache" in told
        assert told.count("its SHA-256 is the recorded one") == 2, told
        assert "found in these lines" in told, told
        assert "NO" not in told, told
        assert "CHANGED" not in told


def test_the_records_own_lines_are_shown_with_their_numbers(world: World) -> None:
    told = world.told(world.record("sig_doc_impl").id)
    assert "lines  src/lib.rs:8-25" in told
    assert "\n   8      /// Counts the items that lie below the bound of this counter." in told
    assert "\n  25      }" in told
    test = world.told(world.record("test_generation").id)
    assert "lines  src/lib.rs:32-36" in test
    assert "tested  src/lib.rs:8-25" in test


def test_an_answer_that_the_file_does_not_hold_is_named(world: World) -> None:
    pair = world.record("sig_doc_impl")
    forged = msgspec.structs.replace(pair, answer=pair.answer.replace("total += item", "total -= item"))
    shifted = msgspec.structs.replace(pair, span=(pair.span[0] + 1, pair.span[1]))
    data = SOURCE.encode()
    place = own_lines(forged, data)
    assert place is not None
    assert not place.holds_answer
    assert own_lines(shifted, data) is None
    write_jsonl(world.pairs / "train.jsonl", [forged])
    assert "NOT found in these lines" in world.told(pair.id)


def test_an_archive_that_changed_is_said_to_have_changed(world: World) -> None:
    pair = world.record("completion")
    path = world.archive(pair)
    whole = path.read_bytes()
    path.write_bytes(gzip.compress(gzip.decompress(whole), compresslevel=1, mtime=1))
    told = world.told(pair.id)
    assert "archive bytes  has CHANGED" in told
    assert "file bytes  its SHA-256 is the recorded one" in told
    path.write_bytes(pack("counter-1.0.0", {"src/lib.rs": SOURCE + "\n"}))
    told = world.told(pair.id)
    assert "file bytes  has CHANGED: its SHA-256 is" in told
    assert "answer" not in told
    path.write_bytes(pack("counter-1.0.0", {"src/other.rs": SOURCE}))
    assert "file bytes  has CHANGED: the archive holds no src/lib.rs" in world.told(pair.id)
    path.write_bytes(whole[:-20])
    assert "file bytes  cannot be read: the archive is refused (archive_corrupt" in world.told(pair.id)


def test_a_missing_archive_is_brought_and_verified(world: World) -> None:
    pair = world.record("bug_detection")
    world.archive(pair).unlink()
    told = world.told(pair.id)
    assert f"not in the cache; --fetch brings it from {pair.origin.url}" in told
    assert not world.archive(pair).exists()
    told = world.told(pair.id, fetch=True)
    assert "found in these lines" in told
    assert file_sha256(world.archive(pair)) == pair.origin.archive_sha256


def test_other_bytes_from_the_address_are_refused_and_not_kept(world: World) -> None:
    pair = world.record("bug_detection")
    world.archive(pair).unlink()
    (world.served / "counter.crate").write_bytes(pack("counter-1.0.0", {"src/lib.rs": SOURCE}))
    with pytest.raises(InputError, match=rf"--fetch: {pair.origin.url} was refused.*{pair.origin.archive_sha256}"):
        world.told(pair.id, fetch=True)
    assert not list(world.archive(pair).parent.iterdir())


def test_an_archive_behind_a_login_is_brought_with_the_registrys_token_alone(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of another host gets no token, whatever the record says."""
    pair, token = world.record("bug_detection"), "Bearer 0a1b2c3d"
    home = tmp_path / "cargo"
    home.mkdir()
    monkeypatch.setenv("CARGO_HOME", str(home))
    monkeypatch.setenv("CARGO_REGISTRIES_TEAM_TOKEN", token)
    with serving() as registry, serving() as other:
        registry.token = token
        (home / "config.toml").write_text(f'[registries.team]\nindex = "sparse+{registry.url}/index/"\n')
        harvest = msgspec.structs.replace(world.profile.harvest, registry="team")
        world.profile = msgspec.structs.replace(world.profile, harvest=harvest)
        for server in (registry, other):
            server.add("counter", "1.0.0", world.archive(pair).read_bytes())
            address = f"{server.url}/dl/counter/1.0.0/download"
            made = {"registry": f"sparse+{registry.url}/index/", "url": address}
            origin = msgspec.structs.replace(pair.origin, **made)
            write_jsonl(world.pairs / "train.jsonl", [msgspec.structs.replace(pair, origin=origin)])
            world.archive(pair).unlink()
            assert "found in these lines" in world.told(pair.id, fetch=True)
        carriers = [request.path for request in registry.requests if "authorization" in request.headers]
        assert carriers == ["/index/config.json", "/dl/counter/1.0.0/download", "/index/config.json"]
        assert not [request for request in other.requests if "authorization" in request.headers]


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("", InputError, "address is empty"),
        ("file:///nowhere/counter", InputError, "nothing can be fetched"),
        ("http://127.0.0.1:9/counter.crate", EnvironmentFault, "127.0.0.1:9"),
    ],
)
def test_an_address_that_gives_nothing_is_one_clear_error(
    world: World, url: str, error: type[Exception], says: str
) -> None:
    pair = world.record("bug_detection")
    world.archive(pair).unlink()
    origin = msgspec.structs.replace(pair.origin, url=url)
    write_jsonl(world.pairs / "train.jsonl", [msgspec.structs.replace(pair, origin=origin)])
    with pytest.raises(error, match=says):
        world.told(pair.id, fetch=True)


def test_a_beginning_of_several_ids_lists_them(world: World) -> None:
    told = world.told("")
    ids = {pair.id for pair in world.records}
    assert told.startswith(f"{len(ids)} records begin with")
    for pair in world.records:
        assert f"{pair.id}  " in told
        assert pair.task in told
    assert "licence" not in told


def test_a_folder_that_is_no_output_of_pairs_is_refused(world: World, tmp_path: Path) -> None:
    tracer = Tracer(world.profile, lambda: world.cache)
    with pytest.raises(InputError, match="is not an output of the pairs stage"):
        list(tracer.report("ab", [Output(tmp_path / "cache")]))


def test_a_record_from_elsewhere_is_identified_by_its_checksums(world: World) -> None:
    pair = msgspec.structs.replace(world.records[0], origin=Origin(kind="dataset", name="o/n", licence="MIT"))
    write_jsonl(world.pairs / "train.jsonl", [pair])
    assert "not looked up on this machine; the checksums identify it" in world.told(pair.id, fetch=True)
