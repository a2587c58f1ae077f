"""Judge a function where it belongs: put back into its crate, compiled, linted and tested there."""
