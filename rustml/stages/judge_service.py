"""Serve the judge of a profile over HTTP until it is interrupted."""

import click

from rustml.judge.remote.service import JudgeService, ServiceLimits, require_key
from rustml.profile import Profile
from rustml.stages.judging import judge_facts, key_of_environment, open_local_judge

MEBIBYTE = 1 << 20


def serve(
    profile: Profile, host: str, port: int, *, max_mb: int, queue: int, workers: int | None, sandbox: str
) -> None:
    """Judge what is asked for, lints included; `max_mb` of a request at most, and `queue` requests wait.

    Raises InputError for an address that others reach where there is no key, and what `open_local_judge` raises.
    """
    key = key_of_environment()
    require_key(host, key)
    from rustml.runs import tracking  # noqa: PLC0415  mlflow takes seconds to load

    cache = tracking.cache_layout()
    limits = ServiceLimits(body_bytes=max_mb * MEBIBYTE, queue=queue)
    with (
        open_local_judge(profile, cache, verdicts=cache.verdicts, workers=workers, sandbox=sandbox) as judge,
        JudgeService(judge, judge_facts(profile.judge, judge), (host, port), key, limits) as service,
    ):
        click.echo(f"judging at {service.url} ({judge.sandbox}, {'with a key' if key else 'no key'}) until Ctrl-C")
        service.serve_forever()
