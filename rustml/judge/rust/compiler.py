"""Call the compiler in the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rustml.judge.limits import Limits
from rustml.judge.rust.externs import Externs
from rustml.judge.rust.toolchain import Toolchain, system_libraries
from rustml.records import Candidate
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import WALL_PER_CPU, ProcessLimits
from rustml.sandbox.processes import Completed, Processes
from rustml.sandbox.sandbox import Sandbox

FORBIDDEN_METHODS = (
    "std::process::exit", "std::process::abort", "std::process::Command::new", "std::process::id",
    "std::env::args", "std::env::args_os", "std::env::var", "std::env::var_os", "std::env::vars", "std::env::vars_os",
    "std::env::current_exe", "std::env::current_dir", "std::env::set_current_dir", "std::env::temp_dir",
    "std::fs::read", "std::fs::read_to_string", "std::fs::read_dir", "std::fs::write", "std::fs::copy",
    "std::fs::rename", "std::fs::remove_file", "std::fs::remove_dir", "std::fs::remove_dir_all", "std::fs::create_dir",
    "std::fs::create_dir_all", "std::fs::hard_link", "std::fs::metadata", "std::fs::symlink_metadata",
    "std::fs::canonicalize", "std::fs::read_link", "std::fs::set_permissions", "std::fs::File::open",
    "std::fs::File::create", "std::fs::File::options", "std::fs::OpenOptions::new", "std::fs::OpenOptions::open",
    "std::os::unix::fs::symlink", "std::net::TcpStream::connect", "std::net::TcpListener::bind",
    "std::net::UdpSocket::bind", "std::os::unix::net::UnixStream::connect", "std::os::unix::net::UnixStream::pair",
    "std::os::unix::net::UnixListener::bind", "std::os::unix::net::UnixDatagram::bind",
    "std::panic::set_hook", "std::panic::take_hook",
)  # fmt: skip
FORBIDDEN_MACROS = (
    "std::include", "std::include_str", "std::include_bytes", "std::env", "std::option_env", "core::arch::asm",
    "core::arch::global_asm",
)  # fmt: skip
POLICY_LINTS = {
    "unsafe_code": "unsafe code",
    "clippy::disallowed_methods": "a function that leaves the process or looks at the machine",
    "clippy::disallowed_macros": "a macro that looks at the machine",
}
UNCOUNTED = ("dead_code",)
"""Lints that say nothing about the quality of a fragment: what it offers is called from elsewhere."""


def clippy_configuration(also_forbidden: Sequence[str] = ()) -> str:
    """The clippy.toml of a candidate's compilation: the functions and macros that it may not use."""
    methods = ", ".join(f'"{path}"' for path in (*FORBIDDEN_METHODS, *also_forbidden))
    macros = ", ".join(f'"{path}"' for path in FORBIDDEN_MACROS)
    return f"disallowed-methods = [{methods}]\ndisallowed-macros = [{macros}]\n"


_CHEAP = ("-Copt-level=0", "-Cdebuginfo=0", "-Ccodegen-units=1", "-Cembed-bitcode=no")


class Compilable(Protocol):
    """What the compiler has to know of a candidate."""

    @property
    def candidate(self) -> Candidate: ...  # noqa: D102


@dataclass(frozen=True)
class Folders:
    """Host folders that a compilation reads (under /s, /l) and the one that it writes (/o)."""

    sources: Path
    output: Path
    libraries: dict[Path, str] = field(default_factory=dict)
    """Compiled crates: host path → path inside."""
    externs: Externs | None = None
    """Crates that the problem names."""


class Compiler:
    """rustc and clippy-driver, each call in a sandbox of its own."""

    def __init__(self, toolchain: Toolchain, sandbox: Sandbox, processes: Processes, limits: Limits) -> None:
        self._toolchain, self._sandbox, self._processes, self._limits = toolchain, sandbox, processes, limits
        self._base = {
            toolchain.sysroot / "bin": "/rust/bin",
            toolchain.sysroot / "lib": "/rust/lib",
            **{path: str(path) for path in system_libraries(toolchain)},
        }
        forced = [lint for lint in toolchain.default_lints if lint not in UNCOUNTED]
        self._forced = [f"--force-warn={lint}" for lint in ("clippy::all", *forced)] + [f"-A{one}" for one in UNCOUNTED]
        self._linking = {path: str(path) for path in _needed_to_link(toolchain)}

    def library(self, folders: Folders, name: str, members: Sequence[Compilable]) -> Completed:
        """Compile the library of candidates. Only clippy-driver compiles candidates: what is linted is what is run."""
        strict = all(member.candidate.policy == "strict" for member in members)
        force = [lint for lint in POLICY_LINTS if strict or lint != "unsafe_code"]
        flags = ["-Awarnings", "-Aclippy::all", *(f"--force-warn={lint}" for lint in force)]
        arguments = [f"--crate-name={name}", "--crate-type=rlib", _edition(members), *flags, *_CHEAP]
        return self._lint(folders, arguments, self._cpu_seconds(members))

    def check(self, folders: Folders, members: Sequence[Compilable]) -> Completed:
        """Lint the library of candidates."""
        flags = ["--crate-name=lint", "--crate-type=lib", "--emit=metadata", _edition(members)]
        return self._lint(folders, [*flags, *self._forced], self._cpu_seconds(members))

    def program(
        self, folders: Folders, library: str, members: Sequence[Compilable], called: Sequence[str] = ()
    ) -> Completed:
        """Compile and link the test program, in which the library is also `called` by other names."""
        crates = [f"--extern={name}={self._crate(folders, name)}" for name in (library, "harness")]
        crates += [f"--extern={name}={self._crate(folders, library)}" for name in called]
        flags = [
            "--crate-name=main",
            "--crate-type=bin",
            _edition(members),
            "--cap-lints=allow",
            "--cfg=test",
            "-Cstrip=symbols",
        ]
        return self.link(
            folders, [*flags, *crates, *_CHEAP, self.source(folders, "main.rs")], self._cpu_seconds(members)
        )

    def _cpu_seconds(self, members: Sequence[Compilable]) -> float:
        """Processor time: all of it for one alone, little for a batch, which is judged in parts if it takes longer."""
        limit = self._limits.compile_seconds
        return limit if len(members) == 1 else min(limit, 2 + 0.05 * len(members))

    def _crate(self, folders: Folders, name: str) -> str:
        path = next(path for path in folders.libraries if path.name == f"lib{name}.rlib")
        return self._sandbox.path(path, folders.libraries[path])

    def _lint(self, folders: Folders, arguments: Sequence[str], seconds: float) -> Completed:
        command = [*arguments, self.source(folders, "lib.rs")]
        return self._call(self._toolchain.clippy_driver, folders, command, self._base, seconds)

    def link(self, folders: Folders, arguments: Sequence[str], seconds: float) -> Completed:
        """rustc, which may call the linker: for the crates that the judge writes."""
        return self._call(
            self._toolchain.rustc, folders, [*self._linker_flags(), *arguments], self._base | self._linking, seconds
        )

    def _linker_flags(self) -> list[str]:
        """What cc would tell the linker, said by us: cc and its helpers cost more time than the linking."""
        inside = f"/rust/{self._toolchain.linker.relative_to(self._toolchain.sysroot)}"
        # The array of registered tests is reached by the names of its ends alone.
        flags = [
            "-Clink-arg=-znostart-stop-gc",
            f"-Clinker={self._sandbox.path(self._toolchain.linker, inside)}",
            "-Clinker-flavor=ld.lld",
        ]
        words = [str(path) for path in self._toolchain.start_files]
        words += [f"-L{path}" for path in self._toolchain.library_folders]
        return [
            *flags,
            *(f"-Clink-arg={word}" for word in words),
            f"-Clink-arg=-dynamic-linker={self._toolchain.loader}",
        ]

    def _call(
        self, program: Path, folders: Folders, arguments: Sequence[str], base: dict[Path, str], cpu: float
    ) -> Completed:
        crates = folders.externs
        read = {**base, folders.sources: "/s", **folders.libraries, **(crates.mounts if crates else {})}
        mounts = Mounts(read=read, write={folders.output: "/o"})
        memory = 2 * self._limits.memory_mb
        limits = ProcessLimits(cpu_seconds=cpu, memory_mb=memory, file_mb=4 * self._limits.disk_mb)
        output = self._sandbox.path(folders.output, "/o")
        sysroot = self._sandbox.path(self._toolchain.sysroot, "/rust")
        environment = {
            "PATH": "/usr/bin",
            "TMPDIR": output,
            "CLIPPY_CONF_DIR": self._sandbox.path(folders.sources, "/s"),
            "LD_LIBRARY_PATH": f"{sysroot}/lib",  # without /proc the loader cannot tell where the compiler lies
        }
        words = [
            f"{sysroot}/bin/{program.name}",
            f"--sysroot={sysroot}",
            "--error-format=json",
            f"--out-dir={output}",
            *(crates.flags(self._sandbox) if crates else ()),
            *arguments,
        ]
        argv = self._sandbox.wrap(Command(words, mounts, limits, environment))
        return self._processes.run(argv, seconds=WALL_PER_CPU * cpu, memory_mb=memory)

    def source(self, folders: Folders, name: str) -> str:
        """The path by which the compiler calls a file of the source folder."""
        return self._sandbox.path(folders.sources / name, f"/s/{name}")


def _edition(members: Sequence[Compilable]) -> str:
    return f"--edition={members[0].candidate.edition}"


def _needed_to_link(toolchain: Toolchain) -> list[Path]:
    folders = dict.fromkeys((*toolchain.library_folders, *(path.parent for path in toolchain.start_files)))
    # libc.so is a script that names the real libraries by their path.
    return [*folders, *(path for path in map(Path, ("/lib64", "/lib")) if path.exists())]
