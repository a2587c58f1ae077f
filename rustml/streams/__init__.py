"""Sharded, resumable work over files of records, and the count of what each step kept and dropped."""

from rustml.streams.engines import Workers, crew
from rustml.streams.funnel import Funnel, Step, merge, rows
from rustml.streams.shards import Job, Summary, run, silent, stamp

__all__ = ["Funnel", "Job", "Step", "Summary", "Workers", "crew", "merge", "rows", "run", "silent", "stamp"]
