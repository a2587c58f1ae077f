"""The one way to start untrusted code: bubblewrap, seccomp, control groups, limits."""
