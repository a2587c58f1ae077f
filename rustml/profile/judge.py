"""Profile section of the judge."""

from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Positive, Seconds

SandboxName = Literal["bubblewrap", "landlock", "auto"]


SERVER = r"^(https?://[^@?#\s]+)?\Z"
"""An address without user, password or query, or nothing."""


class JudgeSection(Section, frozen=True):
    """Limits of the sandbox in which model-written code is compiled and run."""

    compile_seconds: Seconds
    """Processor time for one compilation, seconds; a compilation never waits, so a busy machine changes nothing."""
    run_seconds: Seconds
    """Wall time for one candidate's tests, seconds."""
    cpu_seconds: Seconds
    """Processor time for one candidate's tests, seconds: an endless loop ends here, however busy the machine is."""
    memory_mb: Annotated[int, Meta(ge=64)]
    """Memory of one sandboxed process, MiB; a compilation gets twice as much."""
    disk_mb: Positive
    """What one candidate's tests may write to their private /tmp, MiB."""
    source_kb: Positive
    """Length of a candidate's code, KiB; longer code gets the status `policy`."""
    weak_integrity: Literal["refused", "accepted"]
    """Whether reward and gates take verdicts on problems whose policy is `unsafe`: such code could forge its own."""
    sandbox: SandboxName
    """What holds model-written code: `bubblewrap`, `landlock` (no user namespaces needed), or `auto`, the first of them
    that this machine can run. Verdicts say which it was."""
    crates: str
    """Where the crates come from that problems name as `dependencies`: the folder of a Cargo directory source, or a
    registry as `harvest.registry` names it. Empty leaves out problems that need crates."""
    engine: Literal["local", "server", "ray"]
    """What judges: this machine, the judge behind `server`, which has to have the same limits, or every node of the Ray
    cluster that RAY_ADDRESS names. Hold-out suites are judged in place on this machine always."""
    server: Annotated[str, Meta(pattern=SERVER)]
    """Address of `python -m entrypoints.judge --serve` on another machine; its key is RUSTML_JUDGE_KEY, from the
    environment."""
    batch_size: Positive
    """Candidates that share one compilation."""

    def __post_init__(self) -> None:
        """Raises ValueError for a server without an address."""
        if self.engine == "server" and not self.server:
            raise ValueError("`engine: server` needs `server`, the address of the judge")

    def for_key(self) -> Self:
        """As keys hold it: nodes of a Ray cluster judge as this machine would."""
        return msgspec.structs.replace(self, engine="local") if self.engine == "ray" else self
