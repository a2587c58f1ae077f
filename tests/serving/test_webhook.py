"""MLflow's own webhook, from a real server, wakes a server that watches: the alias is looked at between two polls."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.fernet import Fernet
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault
from rustml.profile import load
from rustml.release.ladder import LADDER
from rustml.release.registry import Registry
from rustml.release.served_alias import ServedAlias
from rustml.serving import listener
from rustml.serving.access_log import AccessLog
from rustml.serving.front import Front
from rustml.serving.guard import WEBHOOK
from rustml.serving.upstream import Upstream
from rustml.serving.watch import Watch
from tests.support.engines import Engine, engine
from tests.support.loopback_server import serving

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
MODEL, ALIAS, SECRET = "rust-coder", "champion", "a-secret-of-the-webhook"
SECTION = load("tiny").serve
LOOPBACK = {
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
}
"""Of the MLflow server: as it is, it sends webhooks by https alone, and to no address of a private network."""


class Versions:
    """The alias of a real registry, and engines that stand in for vLLM."""

    def __init__(self, client: MlflowClient) -> None:
        self.engines: dict[str, Engine] = {}
        self.served: list[str] = []
        self._alias = ServedAlias(Registry(client, MODEL), LADDER.step(ALIAS))

    def current(self) -> str:
        return self._alias.current()

    @contextmanager
    def start(self, number: str) -> Iterator[Upstream]:
        with engine(number) as running:
            self.engines[number] = running
            yield running.upstream

    def refused(self, number: str, reason: str) -> None:
        raise AssertionError(f"version {number}: {reason}")

    def swapped(self, number: str) -> None:
        self.served.append(number)


def test_moving_the_alias_wakes_the_server_at_once(tmp_path: Path) -> None:
    """The next poll is an hour away."""
    with serving(tmp_path, environment=LOOPBACK) as tracking, ExitStack() as stack:
        client = MlflowClient(tracking, tracking)
        client.create_registered_model(MODEL)
        for number in (1, 2):
            client.create_model_version(MODEL, f"s3://nowhere/{number}")
        bound = listener.listen(SECTION)
        url = listener.url(bound, SECTION)
        versions, log = Versions(client), tmp_path / "access.jsonl"
        front = Front(bound, SECTION, log=AccessLog(log), webhook=SECRET)
        watch = Watch(front, versions, lambda _: None)
        stack.callback(watch.close)
        stack.enter_context(front)
        watch.begin("1")
        hook = url.removesuffix("/v1") + WEBHOOK
        # Before any alias is set: MLflow remembers for a minute that an event has no webhook.
        client.create_webhook("served", hook, ["model_version_alias.created"], secret=SECRET)
        client.set_registered_model_alias(MODEL, ALIAS, "1")
        with following(watch, versions):
            client.set_registered_model_alias(MODEL, ALIAS, "2")
            wait_until(lambda: versions.served[-1] == "2")
            answer = httpx.post(f"{url}/chat/completions", json={"words": 1}, trust_env=False).json()
            wait_until(lambda: (WEBHOOK, 202) in accesses(log))
    assert answer["version"] == "2"


def accesses(log: Path) -> list[tuple[str, int]]:
    """Path and status of each line; a line is written after its answer."""
    lines = [msgspec.json.decode(line) for line in log.read_bytes().splitlines()]
    return [(line["path"], line["status"]) for line in lines]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "no webhook came"
        time.sleep(0.1)


@contextmanager
def following(watch: Watch, versions: Versions) -> Iterator[None]:
    """In the end the engine that serves dies, which ends the loop."""

    def follow() -> None:
        with pytest.raises(EnvironmentFault):
            watch.follow(3600.0)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield
    finally:
        versions.engines[versions.served[-1]].returncode = 1
        follower.join()
