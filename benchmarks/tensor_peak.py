"""The memory that all tensors take at the peak of a computation."""

from collections.abc import Callable


def tensor_peak(run: Callable[[], None], device: str) -> float:
    """Bytes of all tensors at the peak of what `run` does."""
    import torch  # noqa: PLC0415

    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        run()
        return float(torch.cuda.max_memory_allocated())
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    total = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            total += event.nbytes()
            peak = max(peak, total)
    return float(peak)
