"""Profile section of evaluation."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Seconds

BASE_URL = r"^(https?://[^@?#\s]+)?\Z"
"""Of a server: an address without user, password or query, or nothing."""
Group = Literal["rust", "retention", "holdout", "untested"]
PINNABLE = ("rust", "untested")
"""Groups whose suites may pin a toolchain: a hold-out suite has that of its crates, and retention is not Rust."""


class SuiteSection(Section, frozen=True):
    """One suite: its problems, how they are asked, and how many answers are drawn."""

    problems: str
    """File stem in the output of the `bank` stage: `rust-test`, `python-test`, `humaneval`, ..."""
    group: Group
    """`rust`: what the model is trained for. `retention`: what it must not forget; the gate pools its suites.
    `holdout`: held-out pairs, judged in their crates; `problems` names a file of the `pairs` stage's output.
    `untested`: Rust judged by compiler, lints and style alone; a problem that has tests is asked without them."""
    protocol: Literal[
        "chat",
        "pair",
        "humaneval",
        "humaneval_chat",
        "mbpp",
        "mbpp_chat",
        "rustevo2",
        "exercise",
        "explain",
        "prediction",
    ]
    """How a problem becomes a prompt and an answer becomes code; each is documented in docs/evaluation.md."""
    metric_prefix: str
    """Put before every metric name: `rust.`, `rust.sampled_`, `retention.python.`."""
    samples: Annotated[int, Meta(ge=1, le=1000)]
    """Number of answers per item; a number above 1 needs a temperature above 0."""
    temperature: Annotated[float, Meta(ge=0, le=2)]
    """0 is greedy."""
    top_p: Annotated[float, Meta(gt=0, le=1)]
    """Nucleus: the smallest set of tokens with this probability mass is drawn from."""
    max_new_tokens: Positive
    """An answer that is cut here is judged as it stands."""
    limit: Count
    """At most this many problems, in file order; 0 takes all."""
    crates: Count = 0
    """Of group `holdout`: pairs of at most this many crates, those with the most pairs that ask for code, since each
    crate has to be built; 0 takes all."""
    unsafe_code: Literal["declared", "allowed", "refused"] = "declared"
    """`declared`: where the problem says so. `allowed`: in every answer, as most upstreams have it, for verdicts of
    weak integrity (`judge.weak_integrity`). `refused`: in none; problems that need it are excluded and counted."""
    signatures: Literal["declared", "upstream"] = "declared"
    """`declared`: an answer keeps the declared signature, where its bank says so. `upstream`: it may change it, as far
    as the tests still compile."""
    repair: bool = False
    """Whether an answer that did not pass gets a second attempt, which sees what compiler and tests say: `pass_at_1`
    stays that of the first attempt, `pass_after_repair` counts both. Group `rust` alone."""
    toolchain: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*\Z")] = ""
    """Rust toolchain that judges, as rustup and a file `rust-toolchain` name it: `1.95.0`. Empty takes the one on PATH.
    Part of the protocol; refused where it is not installed. Groups `rust` and `untested`, without `judge.crates`."""

    def __post_init__(self) -> None:
        """Raises ValueError for a toolchain where no suite of the group can have one of its own."""
        if self.toolchain and self.group not in PINNABLE:
            raise ValueError(f"`toolchain` belongs to groups {' and '.join(PINNABLE)}; this suite is of {self.group}")


class BehaviourSection(Section, frozen=True):
    """Openings of code that the model goes on with; the completions are logged to be read, and score nothing."""

    openings: bool
    """Ask the dozen openings of rustml/evaluation/sample_completions.py."""
    prompts: tuple[Annotated[str, Meta(min_length=1)], ...]
    """Asked after them: raw text of the user's own domain. Without openings and without these, nothing is asked."""
    temperature: Annotated[float, Meta(ge=0, le=2)]
    """0 is greedy."""
    top_p: Annotated[float, Meta(gt=0, le=1)]
    """Nucleus, as for suites."""
    max_new_tokens: Positive
    """Length of a completion at most."""


class ServerSection(Section, frozen=True):
    """A model behind an OpenAI-compatible server, for engine `openai`."""

    base_url: Annotated[str, Meta(pattern=BASE_URL)]
    """As in `https://host/v1`, without user, password or query: it is logged. Empty: there is no server."""
    model: str
    """Name by which the server knows its model."""
    key_variable: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*\Z")]
    """Environment variable that holds the server's key. Never the key itself."""
    retries: Annotated[int, Meta(ge=0, le=20)]
    """Of a request that meets a rate limit, a server error or a broken connection; waits double from half a second."""
    timeout_seconds: Seconds
    """Of one request."""
    concurrency: Annotated[int, Meta(ge=1, le=64)]
    """Requests at once."""
    extra: dict[str, Any]
    """Further fields of each request; for vLLM `chat_template_kwargs: {enable_thinking: false}`. They are logged."""


class RaterSection(ServerSection, frozen=True):
    """A language model behind an OpenAI-compatible server that rates prose of hold-out suites. No gate sees it."""

    tasks: tuple[str, ...]
    """Task categories whose answers are rated; each needs criteria."""
    max_tokens: Annotated[int, Meta(ge=8)]
    """Length of a reply at most; one that is cut before its rating counts as malformed."""


class EvaluationSection(Section, frozen=True):
    """How models are measured. Runs that differ here cannot be compared by a gate."""

    engine: Literal["transformers", "vllm", "openai"]
    """What generates; greedy outputs of the first two can differ in the last bits, so a comparison uses one. `openai`
    measures the model behind `server`, which no gate promotes."""
    server: ServerSection
    """The server of engine `openai`; `-P model=openai:NAME@URL` names another one."""
    batch_size: Positive
    """Sequences generated at once. Part of the protocol: it moves greedy scores."""
    dependencies: str
    """Cargo directory source that the crates of hold-out suites are built against, as `cargo vendor` makes it. Empty
    takes the one that a crate came from; what a crate of a registry needs, Cargo brings from `harvest.registry`."""
    behaviour: BehaviourSection
    """Completions to read beside the measurements."""
    rater: RaterSection
    """A language model as judge of prose; off where it has no `base_url`."""
    suites: Annotated[dict[str, SuiteSection], Meta(min_length=1)]
    """By name; the name is a gate's handle and a file name."""
    lifecycle: tuple[str, ...]
    """Suites that the lifecycle measures after every stage; empty takes all."""
    shown: tuple[str, ...]
    """Suites that the lifecycle measures at its end, of its first version and its last, in evaluations of their own:
    its report shows them, no gate reads them, and a failure in them is a warning."""

    def __post_init__(self) -> None:
        """Raises ValueError for a name that no suite has."""
        for key, names in (("lifecycle", self.lifecycle), ("shown", self.shown)):
            unknown = sorted({*names} - self.suites.keys())
            if unknown:
                raise ValueError(f"`{key}` names {', '.join(unknown)}; there are the suites {', '.join(self.suites)}")
