"""Sharded, resumable work over files of records, and the count of what each step kept and dropped."""

from rustml.sharding.engines import Workers, crew
from rustml.sharding.funnel import Funnel, Step, merge, rows
from rustml.sharding.shards import Job, Summary, run, silent, stamp

__all__ = ["Funnel", "Job", "Step", "Summary", "Workers", "crew", "merge", "rows", "run", "silent", "stamp"]
