"""Measure a model: generation, Rust and retention suites, statistics, plots."""
