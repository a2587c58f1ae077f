"""The sections of a model card, each as lines of Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import Comparison
from rustml.release.card_facts import CardFacts, GateFacts
from rustml.release.evidence import OVERRIDDEN
from rustml.release.lineage import RunFacts

RATES = ("_rate", "pass_at_1", "pass_at_4", "pass_at_10")
"""Endings of the metrics that a card shows."""


def rates(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    """The metrics of an evaluation that a card shows, with their values in [0, 1]."""
    for name, value in evaluation.metrics().items():
        if name.endswith(RATES):
            yield name, value


def head(facts: CardFacts) -> Iterator[str]:
    """Title, identity, parents."""
    chain = " → ".join(
        ["base", *(f"{link.step or link.run.stage or 'made'} v{link.version}" for link in facts.lineage.links)]
    )
    scheme = f", `{facts.scheme}`" if facts.scheme else ""
    yield from (f"# {facts.model}", "")
    yield f"Version {facts.number} of the registered model `{facts.model}`, made by rustml."
    yield from ("", f"- Weights: `{facts.weights}`", f"- Kind: {facts.kind}{scheme}", f"- Made from: {chain}", "")


def headline(facts: CardFacts) -> str:
    """One plain line for a list of versions: what it is, the share that passes by suite, what its gates said."""
    last = facts.lineage.links[-1] if facts.lineage.links else None
    name = f"{last.step or last.run.stage or 'made'} v{facts.number}" if last else f"v{facts.number}"
    suites = facts.evaluation.suites.items() if facts.evaluation else ()
    values = {suite: result.values("pass").values() for suite, result in suites}
    shares = [f"{suite} {100 * sum(each) / len(each):.1f}%" for suite, each in values.items() if each]
    own = [f"{gate.step} {gate.outcome}" for gate in facts.gates if gate.version == facts.number]
    return ". ".join(filter(None, [name, f"Passes: {', '.join(shares)}" if shares else "", f"Gates: {', '.join(own)}"]))


def gates(facts: CardFacts) -> Iterator[str]:
    """Every gate with its table, decision and overrides."""
    yield from ("## Gates", "")
    if not facts.gates:
        yield from ("None yet: neither this version nor one that it was made from came to a gate.", "")
    for gate in facts.gates:
        look = f" at attempt {gate.attempt}" if gate.attempt > 1 else ""
        yield from (f"### {gate.step}, version {gate.version}: {gate.outcome}{look}", "", *_gate(gate), "")


def _gate(gate: GateFacts) -> Iterator[str]:
    """The reason of an overridden refusal is shown for good, also after later decisions."""
    if gate.decision is None:
        yield f"Refused: {_line(gate.reasons)}"
        return
    yield f"Decision `{gate.digest[:12]}`."
    if gate.override:
        now = gate.outcome == OVERRIDDEN
        label = "**promoted in spite of a refusal**" if now else "once promoted in spite of a refusal"
        yield f"Override: {label}: {_line(gate.override)}"
    if gate.reasons:
        yield f"A later attempt was refused: {_line(gate.reasons)}"
    confidence = 100 * gate.decision.thresholds.confidence
    rows = [
        [
            finding.rule,
            *_comparison(finding.comparison),
            "yes" if finding.passed else "NO",
        ]
        for finding in gate.decision.findings
    ]
    header = [
        "rule",
        "items",
        "baseline %",
        "candidate %",
        "points",
        f"{confidence:g}% interval",
        "losses",
        "gains",
        "holds",
    ]
    yield from ("", *table(header, rows))


def _comparison(comparison: Comparison | None) -> Sequence[str]:
    if comparison is None:
        return [""] * 7
    high = max(comparison.bootstrap.high, comparison.adjusted.high)
    return [
        str(comparison.items),
        f"{100 * comparison.baseline:.1f}",
        f"{100 * comparison.candidate:.1f}",
        f"{100 * comparison.delta:+.1f}",
        f"{100 * comparison.low:+.1f} to {100 * high:+.1f}",
        str(comparison.losses),
        str(comparison.gains),
    ]


def measured(facts: CardFacts) -> Iterator[str]:
    """The rates of the evaluation behind the last gate."""
    if facts.evaluation is None:
        return
    yield from (f"## Measured (run `{facts.evaluation_run}`)", "")
    yield from table(["metric", "%"], [[name, f"{100 * value:.1f}"] for name, value in rates(facts.evaluation)])
    yield ""


def base(facts: CardFacts) -> Iterator[str]:
    """The base model with its commit and licence."""
    yield from ("## Base model", "")
    run = facts.lineage.base
    if run is None:
        yield from ("No run of a base model is recorded.", "")
        return
    kind = run.params.get("base.kind", "unknown")
    if facts.base_repository:
        commit = run.params.get("base.revision", "unknown")
        yield f"[{facts.base_repository}](https://huggingface.co/{facts.base_repository}) at commit `{commit}`."
    elif kind == "scratch":
        size = f" of {run.metrics['base.parameters']:.0f} parameters" if "base.parameters" in run.metrics else ""
        yield f"A model{size} that was trained from scratch in run `{run.run_id}`."
    else:
        yield f"A local checkpoint (`base.kind: {kind}`), taken over in run `{run.run_id}`."
    yield from (f"Licence of this model: {facts.licence or 'not stated'}.", "")


def data(facts: CardFacts) -> Iterator[str]:
    """What it was trained on, by source, with licences and counts."""
    yield from ("## Training data", "")
    if not facts.sources:
        yield from ("No source of training records is recorded.", "")
        return
    rows = [
        [source.step, source.name, source.file, f"{source.rows:.0f}", _licences(source.licences)]
        for source in facts.sources
    ]
    yield from table(["step", "source", "file", "records trained on", "licences of the file (records)"], rows)
    yield from ("", *(f"- {role}: run `{run.run_id}`" for role, run in facts.lineage.data.items()), "")
    harvest = facts.lineage.data.get("harvest")
    if harvest is not None and "harvest.crates" in harvest.metrics:
        crates, files = (harvest.metrics.get(f"harvest.{name}", 0) for name in ("crates", "files"))
        yield from (f"Harvested: {crates:.0f} crates, {files:.0f} files, each with its licence checked.", "")


def _licences(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {count}" for name, count in counts.items()) or "not recorded"


def training(facts: CardFacts) -> Iterator[str]:
    """Configuration and cost of each step."""
    yield from ("## Training", "")
    rows = [_cost(run) for run in facts.lineage.runs if run.stage]
    yield from table(["stage", "run", "seconds", "device", "memory GB", "tokens", "commit"], rows)
    total = sum(run.seconds for run in facts.lineage.runs)
    yield from ("", f"In all {total:.1f} seconds of wall time.", "")
    for link in facts.lineage.links:
        settings = {name: text for name, text in link.run.section(link.run.stage).items() if text != "None"}
        if settings:
            words = ", ".join(f"`{name}={text}`" for name, text in sorted(settings.items()))
            seed = link.run.params.get("profile.seed", "unknown")
            yield from (f"- **{link.step or link.run.stage}** (seed {seed}): {words}",)
    yield ""
    for link in facts.lineage.links:
        measured = {name: value for name, value in link.run.metrics.items() if name.startswith("quantize.")}
        if measured:
            yield from (f"Quantised by `{link.run.tags.get('quantize.producer', 'torchao')}`:", "")
            yield from table(["number", "value"], [[name, f"{value:.6g}"] for name, value in sorted(measured.items())])
            yield ""


def _cost(run: RunFacts) -> list[str]:
    memory, tokens = (run.metrics.get(f"{run.stage}.{name}") for name in ("memory_gb", "tokens"))
    return [
        run.stage,
        f"`{run.run_id}`",
        f"{run.seconds:.1f}",
        run.tags.get("rustml.environment.device", ""),
        "" if memory is None else f"{memory:.2f}",
        "" if tokens is None else f"{tokens:.0f}",
        run.tags.get("mlflow.source.git.commit", "")[:12],
    ]


def contamination(facts: CardFacts) -> Iterator[str]:
    """Items that training saw, and what was removed for it."""
    yield from ("## Contamination", "")
    if facts.evaluation is None:
        yield from ("No evaluation stands behind this version.", "")
        return
    rows = [
        [name, str(len(suite.outcomes)), str(len(suite.contaminated))]
        for name, suite in facts.evaluation.suites.items()
    ]
    yield from table(["suite", "items", "contaminated"], rows)
    dropped = {
        f"{role}: {name.rpartition('.')[2]}": value
        for role, run in facts.lineage.data.items()
        for name, value in run.metrics.items()
        if name.startswith((f"{role}.contamination.dropped.", f"{role}.contaminated."))
    }
    yield ""
    if dropped:
        words = "; ".join(f"{name} {value:.0f}" for name, value in sorted(dropped.items()))
        yield from (f"Removed from the training data for overlapping a problem: {words}.", "")
    else:
        yield from ("No training record was removed for overlapping a problem.", "")


def use_and_limits(facts: CardFacts) -> Iterator[str]:
    """What it is for, and what its numbers do not say."""
    suites = ", ".join(facts.evaluation.suites) if facts.evaluation else "none"
    yield from (
        "## Intended use",
        "",
        "Writing, completing and documenting Rust functions under the eyes of a developer. Compile and test what it "
        "writes in a sandbox before it runs anywhere else.",
        "",
        "## Limits",
        "",
        f"- Measured on {suites}: nothing is claimed about anything else, whole projects and unsafe code among it.",
        "- A gate shows differences to a baseline on these items with the intervals above; it certifies no absolute "
        "quality.",
        "- Code that compiles and passes tests can still be wrong, insecure, or close to licensed code.",
    )
    if facts.kind == "quantised":
        yield f"- Weights are quantised (`{facts.scheme}`); other engines and hardware may give other answers."
    yield ""


def serving(facts: CardFacts, files: Sequence[str]) -> Iterator[str]:
    """Commands for vLLM, transformers and llama.cpp."""
    flags = "" if facts.kind != "quantised" else "  # an FP8 GPU, or weight-only elsewhere"
    yield from ("## How to serve", "", "With vLLM, thinking off for every client:", "", "```")
    yield f"""vllm serve FOLDER --default-chat-template-kwargs '{{"enable_thinking": false}}'{flags}"""
    yield from ("```", "", "With transformers:", "", "```python", *_TRANSFORMERS, "```", "")
    gguf = [name for name in files if name.endswith(".gguf")]
    if gguf:
        yield from ("With llama.cpp or Ollama:", "", "```")
        yield from (*(f"llama-server --model {name} --jinja" for name in gguf),)
        yield from ("ollama create NAME --file gguf/Modelfile", "```", "")
    else:
        yield from ("A GGUF file for llama.cpp and Ollama: `export -P gguf=BF16,Q8_0` of an unquantised version.", "")


_TRANSFORMERS = (
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    "",
    'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
    'model = AutoModelForCausalLM.from_pretrained("FOLDER", dtype="auto")',
    'messages = [{"role": "user", "content": "Write a Rust function that adds two numbers."}]',
    "prompt = tokenizer.apply_chat_template(",
    '    messages, add_generation_prompt=True, enable_thinking=False, return_dict=True, return_tensors="pt"',
    ")",
    "print(tokenizer.decode(model.generate(**prompt, max_new_tokens=200)[0]))",
)


def checksums(digests: Mapping[str, str]) -> Iterator[str]:
    """SHA-256 of every file beside the card."""
    if digests:
        yield from ("## Checksums", "", "SHA-256 of the files beside this card (`sha256sum --check SHA256SUMS`):", "")
        yield from table(["file", "sha256"], [[name, f"`{digest}`"] for name, digest in sorted(digests.items())])
        yield ""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown; a cell cannot end it."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in row)} |"


def _line(text: str) -> str:
    """A text of others as one line."""
    return " ".join(text.split())
