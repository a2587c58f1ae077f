"""Sharded, resumable work over files of records, and the count of what each step kept and dropped."""

from rustml.sharding.engines import Workers, worker_count
from rustml.sharding.funnel import Funnel, Step, merge, rows, step_metrics, tally
from rustml.sharding.shards import Job, Summary, bind_to_plan, run

__all__ = [
    "Funnel",
    "Job",
    "Step",
    "Summary",
    "Workers",
    "bind_to_plan",
    "merge",
    "rows",
    "run",
    "step_metrics",
    "tally",
    "worker_count",
]
