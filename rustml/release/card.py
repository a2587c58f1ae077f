"""The model card of a registered version: hub front matter, and what registry and lineage say about it.

A pure function of tags, runs and evaluations: the same evidence gives the same bytes, so that a card that somebody
edited is told from one that was generated. Front matter: https://huggingface.co/docs/hub/model-cards.
"""

import re
from collections.abc import Iterator, Mapping

import yaml
from mlflow.exceptions import MlflowException

from rustml.errors import EvidenceError, InputError
from rustml.release import card_sections as sections
from rustml.release.card_facts import CardFacts, facts_of
from rustml.release.registry import Registry

CARD = "README.md"
PAGE = "card.md"
"""Artifact of the run that made the version."""
FENCE = "---\n"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*", re.ASCII)
SUMMARY_CHARACTERS = 5000
"""Length of a version's description in MLflow's own schema."""


def card(registry: Registry, number: str, checksums: Mapping[str, str] | None = None) -> str:
    """Markdown with YAML front matter for a version; `checksums` are those of the release folder that holds it.

    Raises InputError when there is no such version, EvidenceError when an evaluation or a decision is gone.
    """
    return _rendered(facts_of(registry, number), checksums or {})


def _rendered(facts: CardFacts, checksums: Mapping[str, str]) -> str:
    front = yaml.safe_dump(front_matter(facts), sort_keys=False, allow_unicode=True, width=120)
    return f"{FENCE}{front}{FENCE}\n" + "\n".join(_body(facts, checksums)) + "\n"


def front_matter(facts: CardFacts) -> dict[str, object]:
    """The card's metadata for a hub; values of `model-index` are the evaluation's own, unrounded."""
    known = LICENCE_ID.fullmatch(facts.licence) is not None and facts.licence != "unknown"
    licence = {"license": facts.licence} if known else {"license": "other", "license_name": "not-stated"}
    base, precision = facts.base_repository, facts.scheme.partition(":")[2].lower().partition("_")[0]
    related = {"base_model": base, "base_model_relation": facts.relation} if base else {}
    return {
        "language": ["en"],
        **licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **related,
        "tags": ["rust", "code", "rustml", *([precision] if precision.startswith("fp") else [])],
        **({"model-index": _model_index(facts)} if facts.evaluation else {}),
    }


def parse(text: str) -> tuple[dict[str, object], str]:
    """Front matter and body of a card, checked without a hub.

    Raises InputError that names the key for metadata that a hub would refuse or misread.
    """
    if not text.startswith(FENCE) or FENCE not in text[len(FENCE) :]:
        raise InputError(f"{CARD}: the card does not begin with front matter between lines `---`")
    front, _, body = text[len(FENCE) :].partition(FENCE)
    try:
        metadata = yaml.safe_load(front)
    except yaml.YAMLError as error:
        raise InputError(f"{CARD}: the front matter is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(metadata, dict):
        raise InputError(f"{CARD}: the front matter is not a table of keys")
    for key, why in _metadata_faults(metadata):
        raise InputError(f"{CARD}: {key}: {why}")
    return metadata, body


def summary(text: str, where: str, lead: str = "") -> str:
    """As much of a card's body as a version's description holds, whole sections; `where` names the whole card.

    `lead` stands before it.
    """
    body = lead + parse(text)[1].strip()
    note = f"\n\nThe whole card: `{where}`.\n"
    if len(body) + len(note) <= SUMMARY_CHARACTERS:
        return body + note
    cut = body[: SUMMARY_CHARACTERS - len(note)]
    return cut[: max(cut.rfind("\n## "), cut.rfind("\n### "))].rstrip() + note


def refresh(registry: Registry, number: str, lead: str = "") -> None:
    """Put the card on the version's page: `card.md` in the run that made it, and as much as fits in its description.

    A line that says most of it stands first in the description, then `lead`.

    Raises EvidenceError as `card` does, and where the registry does not take it.
    """
    facts, version = facts_of(registry, number), registry.version(number)
    text, lead = _rendered(facts, {}), f"{sections.headline(facts)}.\n\n{lead}"
    where = f"{PAGE} in run {version.run_id}"
    try:
        registry.client.log_text(version.run_id, text, PAGE)
        registry.client.update_model_version(registry.model, number, description=summary(text, where, lead))
    except MlflowException as error:
        raise EvidenceError(f"the registry does not take the card of {version.name}: {error}") from error


def _body(facts: CardFacts, checksums: Mapping[str, str]) -> Iterator[str]:
    yield from sections.head(facts)
    yield from sections.gates(facts)
    yield from sections.measured(facts)
    yield from sections.base(facts)
    yield from sections.data(facts)
    yield from sections.training(facts)
    yield from sections.contamination(facts)
    yield from sections.use_and_limits(facts)
    yield from sections.serving(facts, sorted(checksums))
    yield from sections.checksums(checksums)


def _model_index(facts: CardFacts) -> list[dict[str, object]]:
    assert facts.evaluation is not None
    results = []
    for name, suite in facts.evaluation.suites.items():
        named = {key: value for key, value in sections.rates(facts.evaluation) if key.startswith(suite.metric_prefix)}
        own = [key for key in named if _owner(facts, key) == name]
        metrics = [{"type": key.rpartition(".")[2], "name": key, "value": named[key]} for key in own]
        if metrics:
            results.append(
                {"task": {"type": "text-generation"}, "dataset": {"type": name, "name": name}, "metrics": metrics}
            )
    return [{"name": facts.model, "results": results}]


def _owner(facts: CardFacts, metric: str) -> str:
    """The suite with the longest prefix of this metric: `rust.sampled_` before `rust.`."""
    assert facts.evaluation is not None
    suites = facts.evaluation.suites.items()
    return max((len(s.metric_prefix), name) for name, s in suites if metric.startswith(s.metric_prefix))[1]


def _metadata_faults(metadata: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    licence, base, tags = (metadata.get(key) for key in ("license", "base_model", "tags"))
    if not (isinstance(licence, str) and LICENCE_ID.fullmatch(licence)):
        yield "license", f"{licence!r} is not the identifier of a licence, such as apache-2.0"
    if licence == "other" and not metadata.get("license_name"):
        yield "license_name", "missing, where license is other"
    if base is not None and not (isinstance(base, str) and HUB_NAME.fullmatch(base)):
        yield "base_model", f"{base!r} is not OWNER/NAME"
    if metadata.get("pipeline_tag") != "text-generation":
        yield "pipeline_tag", "must be text-generation"
    if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        yield "tags", "must be a list of words"
    if "model-index" in metadata:
        yield from _index_faults(metadata["model-index"])


def _index_faults(index: object) -> Iterator[tuple[str, str]]:
    from huggingface_hub.repocard_data import model_index_to_eval_results  # noqa: PLC0415  a second to load

    try:
        model_index_to_eval_results(index)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield "model-index", f"not as a hub reads it: {error!r}"
