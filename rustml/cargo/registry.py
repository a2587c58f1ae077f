"""Which registry a profile means by `harvest.registry`, and where Cargo's settings lead from there.

    resolve("https://index.crates.io/")   a sparse registry by its address; Cargo's settings are not read
    resolve("cargo")                      crates.io, or what Cargo's settings put in its place
    resolve("NAME")                       `[registries.NAME]`, or what Cargo's settings put in its place

https://doc.rust-lang.org/cargo/reference/source-replacement.html
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rustml.cargo.configuration import Configuration, Setting, load, variable
from rustml.cargo.credentials import advice, token
from rustml.cargo.network import HttpSettings, http_settings
from rustml.errors import InputError
from rustml.origin import SPARSE, directory_registry, index_url, sparse_registry

CARGO, CRATES_IO_SOURCE = "cargo", "crates-io"
CRATES_IO = "https://index.crates.io"
LOCATIONS = ("registry", "local-registry", "directory", "git")
"""Keys of `[source.NAME]` that say where a source is; each source has one of them."""


@dataclass(frozen=True)
class SparseRegistry:
    """A registry whose index is read over HTTP."""

    index: str
    """Address of the index, without the prefix `sparse+` and without a slash at its end."""
    public: str
    """The `Origin.registry` of its crates: the registry that it stands for where it is a mirror, else itself."""
    name: str = ""
    """Its name under `[registries]`; empty where it has none, and then it has no token."""
    configuration: Configuration | None = field(default=None, repr=False, compare=False)
    """Cargo's settings; None where the profile gives the address itself."""
    http: HttpSettings = field(default_factory=HttpSettings)
    """How it is reached."""

    @property
    def label(self) -> str:
        """The registry for a reader: its address, and the one that it stands for."""
        address = sparse_registry(self.index)
        return address if address == self.public else f"{address} in the place of {self.public}"

    def token(self) -> Setting | None:
        """The token for a registry that asks for a login, or None. Raises InputError as `credentials.token` does."""
        return token(self.name, self.configuration) if self.name and self.configuration else None

    @property
    def login_advice(self) -> str:
        """What the user does to set a token."""
        return advice(self.name)


@dataclass(frozen=True)
class LocalRegistry:
    """A folder of archives with an index, as `cargo local-registry` makes it."""

    folder: Path
    public: str
    """The `Origin.registry` of its crates."""

    @property
    def label(self) -> str:
        """The registry for a reader."""
        return f"local-registry+{self.folder} in the place of {self.public}"


@dataclass(frozen=True)
class DirectorySource:
    """A folder of unpacked crates, as `cargo vendor` makes it."""

    folder: Path

    @property
    def label(self) -> str:
        """The `Origin.registry` of its crates."""
        return directory_registry(self.folder)


Registry = SparseRegistry | LocalRegistry | DirectorySource


def resolve(registry: str, configuration: Configuration | None = None) -> Registry:
    """The registry that a profile names; `configuration` is by default the one that Cargo would use here.

    Raises InputError for a name or a setting that leads to no source of crates, and names the file and the key.
    """
    if "://" in registry:
        return _sparse(Setting(registry, "harvest.registry", Path()), sparse_registry(registry), "", None)
    configuration = configuration or load()
    if registry in (CARGO, CRATES_IO_SOURCE):
        return _replaced(CRATES_IO_SOURCE, sparse_registry(CRATES_IO), configuration)
    index = _index_of(registry, configuration)
    if index is None:
        known = ", ".join(configuration.names("registries")) or "none"
        raise InputError(
            f"harvest.registry: Cargo's settings have no [registries.{registry}] (there: {known}); set "
            f"{variable('registries', registry, 'index')}, or write the address of a sparse index, or `cargo`"
        )
    public = sparse_registry(index.text)
    source = _source_at(index.text, configuration)
    if source:
        return _replaced(source, public, configuration, named=registry)
    return _sparse(index, public, registry, configuration)


def _replaced(start: str, public: str, configuration: Configuration, named: str = "") -> Registry:
    """The source at the end of the replacements that begin with `start`."""
    chain, setting = [start], None
    while step := configuration.text("source", chain[-1], "replace-with"):
        setting = step
        if step.text in chain:
            circle = " -> ".join([*chain, step.text])
            raise InputError(
                f"{step.where}: the sources replace each other in a circle: {circle}; end it with a registry"
            )
        chain.append(step.text)
    return _located(chain[-1], setting, public, configuration, named if len(chain) == 1 else "")


def _located(
    source: str, replacement: Setting | None, public: str, configuration: Configuration, named: str
) -> Registry:
    """The source of a name, which `replacement` gave."""
    places = {key: setting for key in LOCATIONS if (setting := configuration.text("source", source, key))}
    if len(places) > 1:
        raise InputError(f"Cargo's settings give [source.{source}] more than one place: {', '.join(places)}; leave one")
    if not places and (index := _index_of(source, configuration)):
        return _sparse(index, public, source, configuration)
    if not places and source == CRATES_IO_SOURCE:
        return _crates_io(configuration)
    if not places:
        where = replacement.where if replacement else "Cargo's settings"
        raise InputError(
            f"{where}: there is no [source.{source}] with one of registry, local-registry, directory, "
            f"and no [registries.{source}]"
        )
    ((kind, setting),) = places.items()
    if kind == "directory":
        return DirectorySource(_folder(setting))
    if kind == "local-registry":
        return LocalRegistry(_folder(setting), public)
    return _sparse(setting, public, named or _name_at(setting.text, configuration), configuration)


def _crates_io(configuration: Configuration) -> SparseRegistry:
    protocol = configuration.text("registries", CRATES_IO_SOURCE, "protocol")
    if protocol is not None and protocol.text != "sparse":
        raise InputError(f"{protocol.where}: {_git_refusal(protocol.text)}: set it to sparse, or remove it")
    return SparseRegistry(CRATES_IO, sparse_registry(CRATES_IO), "", configuration, http_settings(configuration))


def _sparse(setting: Setting, public: str, name: str, configuration: Configuration | None) -> SparseRegistry:
    """The sparse registry of an address. Raises InputError for a git index and for an address with a password."""
    address = index_url(setting.text)
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise InputError(f"{setting.where}: not an address: {error}") from None
    if configuration is not None and not setting.text.startswith(SPARSE):
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise InputError(
            f"{setting.where}: {_git_refusal(shown)}: write sparse+https://…, for crates.io sparse+https://index.crates.io/"
        )
    if parts.username is not None:
        raise InputError(
            f"{setting.where}: the address holds a name or password, which records would keep; {advice(name)}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{setting.where}: {address} is not the address of a sparse index, as https://index.crates.io/ is"
        )
    http = http_settings(configuration) if configuration else HttpSettings()
    return SparseRegistry(address, public, name, configuration, http)


def _git_refusal(what: str) -> str:
    return f"{what} is a git index, which has to be cloned whole; harvest reads sparse indexes alone"


def _folder(setting: Setting) -> Path:
    folder = setting.path
    if not folder.is_dir():
        raise InputError(f"{setting.where}: there is no folder {folder}")
    return folder.resolve()


def _index_of(name: str, configuration: Configuration) -> Setting | None:
    return configuration.text("registries", name, "index")


def _source_at(index: str, configuration: Configuration) -> str:
    """The name of the `[source.NAME]` with this registry, so that its replacement is followed; empty for none."""
    for name in configuration.names("source"):
        setting = configuration.text("source", name, "registry")
        if setting and index_url(setting.text) == index_url(index):
            return name
    return ""


def _name_at(index: str, configuration: Configuration) -> str:
    """The name of the `[registries.NAME]` with this index, whose token is its token; empty for none."""
    prefix, suffix = variable("registries", ""), "_INDEX"
    names = set(configuration.names("registries"))
    known = {variable("registries", name, "index") for name in names}
    names |= {
        key.removeprefix(prefix).removesuffix(suffix).lower()
        for key in configuration.environment
        if key.startswith(prefix) and key.endswith(suffix) and key not in known
    }
    same = [
        name
        for name in sorted(names)
        if (at := _index_of(name, configuration)) and index_url(at.text) == index_url(index)
    ]
    if len(same) > 1:
        raise InputError(f"Cargo's settings give {', '.join(same)} of [registries] the same index; leave one of them")
    return same[0] if same else ""
