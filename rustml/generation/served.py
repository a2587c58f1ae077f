"""A model behind an OpenAI-compatible server, and the identity that stands in the place of a checkpoint's digest.

Nobody but the server knows its weights. The identity covers what is known: the address, the name, and what the server
says of the model. It is marked, so that it is never taken for the digest of weights: such a model can be measured and
compared, and no gate promotes it.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from rustml.errors import InputError
from rustml.generation.openai_client import SETTING, Client
from rustml.profile.evaluation import BASE_URL, ServerSection
from rustml.records import Record

SCHEME = "openai"
"""What a user names such a model with: `openai:NAME@URL`, or `openai` for the server of the profile."""
MARK = "served:"
"""Begins an identity; a checkpoint's digest is hex digits alone."""
FIELDS = ("id", "owned_by", "root", "parent", "max_model_len")
"""What is taken of a server's description: no times, which some servers make anew for each request, and nothing that
could repeat a key."""


class ServedModel(Record, frozen=True):
    """What a server's model is known by."""

    name: str
    base_url: str
    description: dict[str, str]
    """What the server says of the model; empty where it lists no models."""

    @property
    def digest(self) -> str:
        """The identity: `served:` and the SHA-256, in hex, of all fields."""
        return MARK + hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def uri(self) -> str:
        """As users name it."""
        return f"{SCHEME}:{self.name}@{self.base_url}"


def is_served(digest: str) -> bool:
    """Whether an evaluation's weights are a server's identity and not a checkpoint's digest."""
    return digest.startswith(MARK)


def names_server(model: str) -> bool:
    """Whether the name that a user gave stands for a model behind a server."""
    return model == SCHEME or model.startswith(f"{SCHEME}:")


def section_of(model: str, section: ServerSection) -> ServerSection:
    """The server that `openai:NAME@URL` names, all else as `section` says; of `openai` alone, the profile's own.

    Raises InputError for another form, and where the profile names no server. The text is not repeated: it may hold a
    password.
    """
    if model == SCHEME:
        if not (section.base_url and section.model):
            raise InputError(f"{SETTING}: state base_url and model, or name a server as openai:NAME@URL")
        return section
    name, _, url = model.removeprefix(f"{SCHEME}:").rpartition("@")
    if not (name and url and re.fullmatch(BASE_URL, url)) or "://" in name:
        raise InputError(
            "a model behind a server is named openai:NAME@URL, as in openai:coder@https://host/v1, without user, "
            f"password or query; its key comes from the environment variable {section.key_variable}"
        )
    return msgspec.structs.replace(section, base_url=url, model=name)


def look_up(section: ServerSection) -> ServedModel:
    """Ask the server what it says of its model.

    A server without a list of models says nothing. Raises InputError where its list lacks the model or the key is
    missing or refused, EnvironmentFault where it does not answer.
    """
    client = Client(section, SETTING)
    (models,) = client.map(_listed, lambda _, __: None, [""])
    if models is None:
        return ServedModel(section.model, section.base_url, {})
    if section.model not in models:
        known = ", ".join(sorted(models)[:10]) or "none"
        raise InputError(f"the server at {section.base_url} has no model {section.model}; it lists {known}")
    return ServedModel(section.model, section.base_url, models[section.model])


def _listed(client: Any, _request: str) -> dict[str, dict[str, str]] | None:
    """Descriptions by name; None where the server has no such list."""
    import openai  # noqa: PLC0415  takes a second to load

    try:
        models = client.models.list().data
    except (openai.NotFoundError, openai.APIResponseValidationError):
        return None
    described: list[Mapping[str, Any]] = [model.to_dict() for model in models or ()]
    return {
        str(fields.get("id")): {name: str(fields[name]) for name in FIELDS if fields.get(name) is not None}
        for fields in described
    }
