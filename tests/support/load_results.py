"""What the client of a load test writes, made by hand: two requests that ended and one that failed."""

from typing import Any

from rustml.serving.load_test.measured import METRICS, PERCENTILES

TRACEBACK = (
    'Traceback (most recent call last):\n  File "x.py", line 1\n'
    "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected\n"
)


def client_result(**changes: Any) -> dict[str, Any]:
    """The client's file, with the fields that nobody reads left out; latencies of 2 s and 4 s."""
    percentiles = {f"p{p}_{name}_ms": float(p) for name in METRICS for p in PERCENTILES}
    return {
        "date": "20260101-000000",
        "duration": 5.0,
        "completed": 2,
        "failed": 1,
        "total_output_tokens": 60,
        "output_throughput": 12.0,
        "request_goodput": 0.2,
        "latencies": [2.0, 0.0, 4.0],
        "output_lens": [20, 0, 40],
        "generated_texts": ["one", "", "three"],
        "errors": ["", TRACEBACK, ""],
        **percentiles,
        **changes,
    }
