"""Everything that a model card says, read once from registry and tracking store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rustml.errors import EvidenceError
from rustml.evaluation.results.report_file import Evaluation
from rustml.models import checkpoint
from rustml.release.gates import Decision
from rustml.release.ladder import LADDER
from rustml.release.lineage import BASE_LICENCE_TAG, LICENCE_TAG, Lineage, licences, lineage
from rustml.release.registry import STEP_TAG, WEIGHTS_TAG, Registry, gate_tag, refused_tag

ATTEMPT_TAG = "rustml.attempt"
"""Tag of a promotion's run."""


@dataclass(frozen=True)
class GateFacts:
    """One gate that the version, or one that it was made from, came to."""

    version: str
    step: str
    outcome: str
    """`passed`, `overridden` or `refused`."""
    decision: Decision | None
    """None of a refusal, whose reasons are all that is asked for."""
    digest: str = ""
    """Of the decision."""
    override: str = ""
    """Reason of a person who once promoted in spite of a refusal."""
    reasons: str = ""
    """Of a refusal."""
    attempt: int = 1
    """Which look at the version's weights this was: each other evaluation that was decided on before counts one."""


@dataclass(frozen=True)
class SourceFacts:
    """A source of records of one training step."""

    step: str
    name: str
    file: str
    rows: float
    """Records trained on."""
    licences: dict[str, int]
    """Records of the file that they were drawn from, by licence."""


@dataclass(frozen=True)
class CardFacts:
    """The contents of a card."""

    model: str
    number: str
    weights: str
    licence: str
    kind: str
    scheme: str
    gates: tuple[GateFacts, ...]
    evaluation: Evaluation | None
    """Of the last gate that it passed."""
    evaluation_run: str
    lineage: Lineage
    sources: tuple[SourceFacts, ...]

    @property
    def base_repository(self) -> str:
        """`OWNER/NAME` of a base from a hub; empty for any other."""
        return self.lineage.base.params.get("base.repository", "") if self.lineage.base else ""

    @property
    def relation(self) -> str:
        """How the hub relates it to its base."""
        return "quantized" if self.kind == "quantised" else "adapter" if self.kind == "adapter" else "finetune"


def facts_of(registry: Registry, number: str) -> CardFacts:
    """Read them. Raises InputError when there is no such version, EvidenceError when an evaluation is gone."""
    version = registry.version(number)
    tags, line = version.tags, lineage(registry, number)
    passed = [step for step in _steps(tags) if gate_tag(step) in tags]
    run = tags[gate_tag(passed[-1], "candidate_evaluation")] if passed else ""
    described = checkpoint.read(version.folder)
    return CardFacts(
        model=registry.model,
        number=number,
        weights=tags.get(WEIGHTS_TAG, "unknown"),
        licence=tags.get(LICENCE_TAG) or (line.base.tags.get(BASE_LICENCE_TAG, "") if line.base else ""),
        kind=described.kind,
        scheme=described.scheme,
        gates=tuple(gate for link in line.links for gate in _gates(registry, link.version)),
        evaluation=registry.evaluation(run) if run else None,
        evaluation_run=run,
        lineage=line,
        sources=_sources(registry, line),
    )


def _steps(tags: Mapping[str, str]) -> list[str]:
    """The steps that a version came to: first the one that it was made for, then those of the table, then others."""
    named = {name.split(".")[1] for name in tags if name.startswith(("gate.", "refused."))}
    order = [tags.get(STEP_TAG, ""), *LADDER.names, *sorted(named)]
    return [step for step in dict.fromkeys(order) if step in named]


def _gates(registry: Registry, number: str) -> Iterator[GateFacts]:
    """Of each gate that let the version through the evidence, of others the reasons of the refusal."""
    tags = registry.version(number).tags
    for step in _steps(tags):
        if gate_tag(step) not in tags:
            looks = _attempt(registry, tags.get(refused_tag(step, "run"), ""))
            yield GateFacts(number, step, "refused", None, reasons=tags.get(refused_tag(step), ""), attempt=looks)
            continue
        run = tags.get(gate_tag(step, "run"), "")
        if not run:
            raise EvidenceError(f"{registry.model} version {number}: tag {gate_tag(step, 'run')} is missing")
        yield GateFacts(
            number,
            step,
            tags[gate_tag(step)],
            registry.decision(run, step, number),
            digest=tags.get(gate_tag(step, "decision"), ""),
            override=tags.get(gate_tag(step, "override"), ""),
            reasons=tags.get(refused_tag(step), ""),
            attempt=_attempt(registry, run),
        )


def _attempt(registry: Registry, run: str) -> int:
    """The number that a promotion's run has; 1 where it has none."""
    return int(registry.client.get_run(run).data.tags.get(ATTEMPT_TAG, "1")) if run else 1


def _sources(registry: Registry, line: Lineage) -> tuple[SourceFacts, ...]:
    """Of the base that was trained here and of each step that was trained on records."""
    steps = [(link.step or link.run.stage, link.run.stage, link.run) for link in line.links]
    if line.base:
        steps = [("base", "base", line.base), *steps]
    counts: dict[tuple[str, str], dict[str, int]] = {}
    sources = []
    for step, stage, run in steps:
        rows = {name.removeprefix(f"{stage}.rows."): n for name, n in run.metrics.items() if ".rows." in name}
        if stage == "grpo" and "grpo.prompts.kept" in run.metrics:
            rows = {"prompts": run.metrics["grpo.prompts.kept"]}
        for name, amount in sorted(rows.items()):
            role, file = _file(stage, name, run.params)
            key = (run.input(role), file)
            if file and key not in counts:
                counts[key] = licences(registry, *key) if key[0] else {}
            sources.append(SourceFacts(step, name, file, amount, counts.get(key, {})))
    return tuple(sources)


BASE_FILES = {
    "python": ("bank", "python-train"),
    "noisy_rust": ("bank", "rust-train"),
    "raw_rust": ("pairs", "raw"),
}
"""What a base is trained on that is made here (rustml/stages/base.py)."""


def _file(stage: str, name: str, params: Mapping[str, str]) -> tuple[str, str]:
    """Stage and file from which a source draws."""
    if stage == "base":
        return BASE_FILES.get(name, ("", ""))
    if stage == "grpo" or (stage, name) == ("expert_iteration", "answers"):
        return "bank", "rust-train"
    return params.get(f"{stage}.sources.{name}.kind", ""), params.get(f"{stage}.sources.{name}.file", "")
