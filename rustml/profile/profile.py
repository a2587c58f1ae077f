"""The profile: everything that the stages read about one model's way through the lifecycle."""

from typing import Literal

from rustml.profile.bank import BankSection
from rustml.profile.base import BaseSection
from rustml.profile.bench_serving import BenchServingSection
from rustml.profile.chat import ChatSection
from rustml.profile.checkpoints import CheckpointsSection
from rustml.profile.compute import ComputeSection
from rustml.profile.curate import CurateSection
from rustml.profile.edits import EditsSection
from rustml.profile.evaluation import EvaluationSection
from rustml.profile.expert_iteration import ExpertIterationSection
from rustml.profile.gates import Thresholds
from rustml.profile.grpo import GrpoSection
from rustml.profile.harvest import HarvestSection
from rustml.profile.judge import JudgeSection
from rustml.profile.ladder import PhaseSection
from rustml.profile.launch import LaunchSection
from rustml.profile.mine import MineSection
from rustml.profile.pairs import PairsSection
from rustml.profile.quantize import QuantizeSection
from rustml.profile.section import Section
from rustml.profile.serve import ServeSection
from rustml.profile.sft import SftSection
from rustml.profile.teach import TeachSection


class Profile(Section, frozen=True):
    """A complete profile. Every stage reads its own section and the few scalars here."""

    name: str
    """The file's stem, followed by the chosen presets: `tiny+low-memory`. A file need not state it."""
    registered_model: str
    """Name of the model in the MLflow registry."""
    seed: int
    """Seed of every random choice in the lifecycle."""
    engine: Literal["local", "ray"]
    """Where the corpus stages work on their shards: processes of this machine, or a Ray cluster (docs/corpus.md)."""
    harvest: HarvestSection
    curate: CurateSection
    mine: MineSection
    edits: EditsSection
    pairs: PairsSection
    teach: TeachSection
    bank: BankSection
    judge: JudgeSection
    chat: ChatSection
    compute: ComputeSection
    checkpoints: CheckpointsSection
    launch: LaunchSection
    base: BaseSection
    """Where the lifecycle starts: a small model trained here, or one that is fetched."""
    sft: SftSection
    grpo: GrpoSection
    expert_iteration: ExpertIterationSection
    evaluation: EvaluationSection
    ladder: tuple[str, ...]
    """Steps that the lifecycle walks, from the first to the last: rows of rustml/release/ladder.py, or phases."""
    phases: dict[str, PhaseSection]
    """Further training phases that `ladder` may name, by the name of their step."""
    gates: dict[str, Thresholds]
    """The gate of each step, by its name; a phase without one has the gate of the step that it is made like."""
    quantize: QuantizeSection
    serve: ServeSection
    bench_serving: BenchServingSection

    def __post_init__(self) -> None:
        """Raises ValueError for a suite whose answers the judge would refuse one and all."""
        allowed = [name for name, suite in self.evaluation.suites.items() if suite.unsafe_code == "allowed"]
        if allowed and self.judge.weak_integrity == "refused":
            raise ValueError(
                f"evaluation.suites.{allowed[0]}.unsafe_code is `allowed`, and judge.weak_integrity is `refused`"
            )
