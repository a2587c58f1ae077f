"""Sharded, resumable work over files of records, and the count of what each step kept and dropped."""

from rustml.sharding.counts import count_metrics, count_rows, tally
from rustml.sharding.engines import Workers, worker_count
from rustml.sharding.funnel import Funnel, Step, merge, rows, step_metrics
from rustml.sharding.report import FunnelReport
from rustml.sharding.shards import Job, Summary, bind_to_plan, run

__all__ = [
    "Funnel",
    "FunnelReport",
    "Job",
    "Step",
    "Summary",
    "Workers",
    "bind_to_plan",
    "count_metrics",
    "count_rows",
    "merge",
    "rows",
    "run",
    "step_metrics",
    "tally",
    "worker_count",
]
