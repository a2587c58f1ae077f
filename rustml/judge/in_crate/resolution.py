"""Cargo's own resolver and download, for the dependencies of one crate.

Cargo reads a manifest that holds the crate's dependencies and features and nothing else of it: no build script, no
target, no path of its own, no other registry. No code of any package is run here.
https://doc.rust-lang.org/cargo/commands/cargo-vendor.html
"""

import os
import re
import subprocess
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rustml.cargo.registry import CRATES_IO, DirectorySource, LocalRegistry, Registry
from rustml.errors import EnvironmentFault, InputError
from rustml.judge.in_crate.manifest import DEPENDENCIES, DEV, Table, document, pruned
from rustml.origin import index_url, sparse_registry

MISSING, UNRESOLVED, CHECKSUM = "dependency_missing", "dependency_unresolved", "dependency_checksum"
"""Why a crate's dependencies cannot be had: one is not in the registry; no choice of versions meets all that is asked,
as where the only fitting version is yanked; an archive differs from the checksum of the index."""
LOCK = "Cargo.lock"
CARGO_SECONDS = 1800.0
"""Wall time of one call of cargo."""
SOURCE = "rustml"
"""Name under which Cargo is told of the registry."""
FIELDS = ("version", "package", "optional", "features", "default-features")
"""What a dependency's table may say here."""

_CHECKSUM = re.compile(r"failed to verify the checksum of `([^`]+)`")
_MISSING = re.compile(r"no matching package named `([^`]+)` found")
_GONE = re.compile(
    r"failed to get successful HTTP response from `([^`]+(?<!/config\.json))`[^\n]*got (?:404|410|451)\b"
)
_SELECT = re.compile(r"failed to select a version for (?:the requirement )?`([\w-]+)")


class DependencyRefused(Exception):
    """The registry cannot give what a crate needs. The text is Cargo's first line about it."""

    def __init__(self, reason: str, dependency: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.dependency = reason, dependency


@dataclass(frozen=True)
class CargoSource:
    """Where Cargo finds packages: what stands under `[source.NAME]`, and variables of its environment."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Empty for crates.io itself."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def sparse(cls, index: str, environment: Mapping[str, str] | None = None) -> "CargoSource":
        """The sparse registry whose index has this address, with or without the prefix `sparse+`."""
        settings = {} if index_url(index) == CRATES_IO else {"registry": sparse_registry(index)}
        return cls(settings, environment or {})

    @classmethod
    def of(cls, registry: Registry) -> "CargoSource":
        """The registry that a profile names, with the network settings and the token that Cargo itself would use.

        The token is a variable of cargo's environment alone. Raises InputError for a setting that cannot be used.
        """
        if isinstance(registry, LocalRegistry):
            return cls({"local-registry": str(registry.folder)})
        if isinstance(registry, DirectorySource):
            return cls({"directory": str(registry.folder)})
        http, token = registry.http, registry.token()
        values = {
            "CARGO_HTTP_PROXY": http.proxy,
            "CARGO_HTTP_CAINFO": str(http.cainfo or ""),
            "CARGO_HTTP_TIMEOUT": f"{http.timeout:.0f}" if http.timeout else "",
            f"CARGO_REGISTRIES_{SOURCE.upper()}_TOKEN": token.text if token else "",
            "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS": "cargo:token" if token else "",  # the variable above
        }
        return cls.sparse(registry.index, {name: text for name, text in values.items() if text})

    @property
    def label(self) -> str:
        """The source for a reader."""
        return next(iter(self.settings.values()), f"sparse+{CRATES_IO}/")

    @property
    def options(self) -> list[str]:
        """Cargo's options that put the source in the place of crates.io."""
        if not self.settings:
            return []
        lines = [f'source.crates-io.replace-with="{SOURCE}"']
        lines += [f'source.{SOURCE}.{key}="{value}"' for key, value in self.settings.items()]
        lines += [f'registries.{SOURCE}.index="{value}"' for key, value in self.settings.items() if key == "registry"]
        return [word for line in lines for word in ("--config", line)]


def direct_dependencies(manifest: Mapping[str, Any]) -> set[str]:
    """Names of the packages that a manifest depends on, tests included, as far as a registry can have them."""
    names = set()
    for tables in (manifest, *manifest.get("target", {}).values()):
        for part in (*DEPENDENCIES, DEV):
            for name, wanted in tables.get(part, {}).items():
                table = wanted if isinstance(wanted, dict) else {"version": wanted}
                if "version" in table and not {"registry", "registry-index", "workspace"} & table.keys():
                    names.add(str(table.get("package", name)))
    return names


def resolver_manifest(manifest: Mapping[str, Any], available: Collection[str], *, dev: bool) -> Table:
    """The manifest that Cargo resolves: the dependencies that are `available`, by the rules of the crate's own build.

    Raises InputError when one that is always needed is not available.
    """
    usable = pruned(manifest, available, dev=dev)
    package = {key: usable["package"][key] for key in ("name", "version", "edition") if key in usable["package"]}
    tables = {part: _plain(usable.get(part, {})) for part in (*DEPENDENCIES, DEV)}
    target = {
        name: {part: _plain(table.get(part, {})) for part in (*DEPENDENCIES, DEV)}
        for name, table in usable["target"].items()
    }
    return {"package": package, **tables, "target": target, "features": usable["features"]}


def _plain(table: Mapping[str, Any]) -> Table:
    return {
        name: {key: wanted[key] for key in FIELDS if key in wanted} if isinstance(wanted, dict) else wanted
        for name, wanted in table.items()
    }


@dataclass(frozen=True)
class Resolver:
    """Calls of cargo outside the sandbox, with the network and without any code of a package."""

    cargo: Path
    home: Path
    """Cargo's folder for the index and for archives. The user's own is left alone."""
    source: CargoSource

    def lock(self, manifest: Table, project: Path) -> bytes:
        """Cargo.lock of a manifest, made in the folder `project`.

        Raises DependencyRefused, and EnvironmentFault where the registry does not answer.
        """
        (project / "src").mkdir(parents=True, exist_ok=True)
        (project / "src" / "lib.rs").touch()
        (project / "Cargo.toml").write_text(document(manifest), encoding="utf-8")
        (project / LOCK).unlink(missing_ok=True)
        self._call(["generate-lockfile"], project)
        return (project / LOCK).read_bytes()

    def vendor(self, project: Path, into: Path) -> None:
        """Bring what the lock of `project` names into the directory source `into`, every archive verified by Cargo.

        Raises as `lock` does.
        """
        self._call(["vendor", "--locked", "--versioned-dirs", "--respect-source-config", str(into)], project)

    def _call(self, words: Sequence[str], project: Path) -> None:
        done = self._cargo([*self.source.options, *words], project)
        if done.returncode == 0:
            return
        complaint = done.stderr.decode("utf-8", "replace")
        refused = refusal(complaint, project)
        if refused:
            raise refused
        reason = _first_words(complaint)
        if self._cargo(["metadata", "--no-deps", "--offline", "--format-version=1"], project).returncode:
            raise DependencyRefused(UNRESOLVED, "", reason)  # Cargo cannot read the manifest: nothing was asked for
        raise EnvironmentFault(
            f"{self.source.label} does not give the crates that are needed: {reason}. Run the stage again: crates "
            "that have their dependencies keep them; or leave out hold-out suites, and problems that need crates"
        )

    def _cargo(self, words: Sequence[str], project: Path) -> "subprocess.CompletedProcess[bytes]":
        environment = {**os.environ, "CARGO_HOME": str(self.home), "CARGO_TERM_COLOR": "never"}
        # Newest versions may ask for a newer compiler than the one that judges.
        environment |= {"CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS": "fallback", **self.source.environment}
        try:
            return subprocess.run(
                [str(self.cargo), *words],
                cwd=project,
                env=environment,
                capture_output=True,
                timeout=CARGO_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFault(f"{self.source.label} gave no dependencies in {CARGO_SECONDS:.0f} s") from error


def refusal(complaint: str, project: Path) -> DependencyRefused | None:
    """The dependency that cannot be had, by Cargo's complaint; None where it is about something else."""
    for reason, pattern in ((CHECKSUM, _CHECKSUM), (MISSING, _MISSING), (MISSING, _GONE), (UNRESOLVED, _SELECT)):
        match = pattern.search(complaint)
        if match:
            line = next(line for line in complaint.splitlines() if match[0] in line)
            return DependencyRefused(
                reason, _blamed(complaint, project) or match[1], line.strip().removeprefix("error: ")
            )
    return None


def _first_words(complaint: str) -> str:
    """The complaint on one line, from its first error on: what failed, and each cause of it."""
    lines = [line.strip() for line in complaint[max(0, complaint.find("error")) :].splitlines()]
    line = "; ".join(line for line in lines if line and line != "Caused by:")
    return line.removeprefix("error: ")[:400] or "cargo gave no reason"


def _blamed(stderr: str, project: Path) -> str:
    """The dependency of the crate itself that leads to what cannot be had; empty where it is the crate's own."""
    via = re.search(
        rf"which satisfies [\w ]*dependency `([\w-]+)[^`]*`[^`]*of package `[^`]*\({re.escape(str(project))}\)`", stderr
    )
    return via[1] if via else ""


def read_manifest(crate: Path) -> Table:
    """The crate's manifest. Raises InputError with the reason when it cannot be read."""
    try:
        manifest = tomllib.loads((crate / "Cargo.toml").read_text(encoding="utf-8"))
        str(manifest["package"]["name"]), str(manifest["package"]["version"])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{crate / 'Cargo.toml'} cannot be read: {error}") from error
    return manifest
