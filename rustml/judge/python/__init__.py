"""Python candidates: the examiner outside, the guest program inside the sandbox."""
