"""The one way to start untrusted code: bubblewrap, Landlock, seccomp, control groups, limits."""
