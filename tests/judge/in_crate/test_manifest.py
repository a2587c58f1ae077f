import tomllib
from typing import Any

import pytest

from rustml.errors import InputError
from rustml.judge.in_crate.manifest import document, needed_by_tests, pruned, uses_absent

MANIFEST: dict[str, Any] = {
    "package": {"name": "q", "version": "1.0.0", "workspace": "..", "description": 'a "quoted"\n\\ text'},
    "lib": {"test": False, "name": "q"},
    "bench": [{"name": "b"}],
    "lints": {"rust": {"warnings": "deny"}},
    "dependencies": {
        "regex": {"version": "1", "optional": True},
        "gone": {"version": "1", "optional": True},
        "log": "1",
    },
    "dev-dependencies": {"criterion": "1", "log": "1"},
    "target": {"cfg(windows)": {"dependencies": {"winapi": "1"}}},
    "features": {
        "default": ["regex", "logging"],
        "logging": ["log/std", "gone"],
        "more": ["logging"],
        "weak": ["gone?/x"],
        "nightly": [],
    },
}


def test_features_that_need_what_is_gone_go_with_it_and_with_all_that_need_them() -> None:
    kept = pruned(MANIFEST, {"regex", "log"}, dev=False)
    assert kept["features"] == {"default": ["regex"], "weak": []}
    assert kept["dependencies"] == {"regex": {"version": "1", "optional": True}, "log": "1"}


def test_benches_lints_and_missing_targets_go_and_tests_come_back() -> None:
    kept = pruned(MANIFEST, {"log"}, dev=True)
    assert not {"bench", "lints"} & kept.keys()
    assert kept["dev-dependencies"] == {"log": "1"}
    assert kept["target"]["cfg(windows)"]["dependencies"] == {}
    assert kept["lib"] == {"name": "q"}
    assert "workspace" not in kept["package"]


def test_a_needed_dependency_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="log is not in the source"):
        pruned(MANIFEST, set(), dev=True)


def test_what_is_written_is_what_toml_reads() -> None:
    kept = pruned(MANIFEST, {"log", "regex"}, dev=True)
    assert tomllib.loads(document(kept)) == kept


def test_the_manifest_given_is_left_as_it_was() -> None:
    pruned(MANIFEST, {"log", "regex"}, dev=True)
    assert MANIFEST["lib"] == {"test": False, "name": "q"}


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("use proptest::prelude::*;", True),
        ("extern crate proptest;", True),
        ("// proptest", False),
        ("log::x()", False),
    ],
)
def test_a_source_that_uses_an_absent_package_is_known(text: str, used: bool) -> None:
    manifest: dict[str, Any] = {"dev-dependencies": {"log": "1", "proptest": {"version": "1", "package": "other"}}}
    assert uses_absent(manifest, {"log", "proptest"}, ["", text]) is used
    assert not uses_absent(manifest, {"log", "other"}, [text])


def test_dependencies_of_benches_alone_go() -> None:
    table = {"criterion": "1", "log": "1", "serde-json": "1", "rand": "1"}
    manifest: dict[str, Any] = {
        **MANIFEST,
        "dev-dependencies": table,
        "features": {"more": ["rand/std"]},
        "target": {"cfg(unix)": {"dev-dependencies": table}},
    }
    kept = needed_by_tests(manifest, ["use log::info;", "serde_json::from_str(text)"])
    assert kept["dev-dependencies"] == {"log": "1", "serde-json": "1", "rand": "1"}
    assert kept["target"]["cfg(unix)"]["dev-dependencies"] == kept["dev-dependencies"]
    assert manifest["dev-dependencies"] == table
