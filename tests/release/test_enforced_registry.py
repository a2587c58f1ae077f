"""The set-up of docs/gates.md in which the registry itself refuses: a real server with basic-auth on loopback."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import msgspec
import pytest
import requests
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracking import MlflowClient

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from tests.support.loopback_server import serving
from tests.support.stores import MODEL, Store

pytest.importorskip("flask_wtf", reason="the basic-auth app needs mlflow[auth]")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

Make = Callable[..., Evaluation]
PASSWORD = "of-twelve-letters"
LOGIN = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "auth.ini").write_text(LOGIN.format(folder=folder, password=PASSWORD))
    secrets = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for this test"}
    with serving(folder, "--app-name", "basic-auth", environment=secrets) as url:
        yield url


@pytest.fixture
def as_user(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], MlflowClient]]:
    def login(name: str) -> MlflowClient:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        mlflow.set_tracking_uri(server)
        return MlflowClient()

    login("admin")
    for name in ("promoter", "engineer"):
        requests.post(
            f"{server}/api/2.0/mlflow/users/create",
            json={"username": name, "password": PASSWORD},
            auth=("admin", PASSWORD),
            timeout=60,
        )
    yield login
    mlflow.set_tracking_uri(None)


def test_only_the_promoter_account_moves_anything(
    as_user: Callable[[str], MlflowClient], evaluation: Make, thresholds: Thresholds, tmp_path: Path
) -> None:
    client = as_user("promoter")
    lenient = msgspec.structs.replace(thresholds, rise=("rust.pass",), resamples=1000)
    store = Store(client, tmp_path, client.create_experiment("rustml"), lenient)

    def report(name: str, rust: int) -> str:
        scores = {"rust": [n < rust for n in range(200)], "python": [n < 400 for n in range(500)]}
        return store.evaluated(evaluation(store.digest(name), **scores))

    version = store.registered("sft")
    verified = store.promote(version, "sft", report("sft", 120), report("base", 20))
    assert verified.decision.passed

    engineer = as_user("engineer")
    assert replace(store, client=engineer).check(version, "sft").version == version
    attempts: list[Callable[[], object]] = [
        lambda: engineer.set_registered_model_alias(MODEL, "champion", version),
        lambda: engineer.delete_registered_model_alias(MODEL, "sft"),
        lambda: engineer.set_model_version_tag(MODEL, version, "gate.champion", "passed"),
        lambda: engineer.set_registered_model_tag(MODEL, "promoted.champion", version),
        lambda: engineer.delete_model_version_tag(MODEL, version, "gate.sft"),
        lambda: engineer.transition_model_version_stage(MODEL, version, "Production"),
        lambda: engineer.create_model_version(MODEL, "runs:/0/model"),
        lambda: engineer.delete_registered_model(MODEL),
    ]
    for attempt in attempts:
        with pytest.raises((RestException, MlflowException), match="Permission denied"):
            attempt()
    own = engineer.create_experiment("engineer's own")
    assert engineer.create_run(own).info.status == "RUNNING"

    assert replace(store, client=as_user("promoter")).check(version, "sft").version == version
