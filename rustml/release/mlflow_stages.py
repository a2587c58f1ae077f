"""MLflow's deprecated stages of versions, for tools that still read them."""

import warnings

from mlflow.tracking import MlflowClient

PRODUCTION, ARCHIVED = "Production", "Archived"


def set_stage(client: MlflowClient, model: str, number: str, stage: str) -> str:
    """Give a version a stage; the stage that it has then. One in production stays there.

    A version that enters production sends the one before it to the archive. MLflow's own option for that compares a
    number with a text, which PostgreSQL refuses.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        if str(client.get_model_version(model, number).current_stage) == PRODUCTION:
            return PRODUCTION
        if stage == PRODUCTION:
            for other in client.search_model_versions(f"name = '{model}'"):
                if other.current_stage == PRODUCTION:
                    client.transition_model_version_stage(model, str(other.version), ARCHIVED)
        client.transition_model_version_stage(model, number, stage)
    return stage
