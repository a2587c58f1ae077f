"""The stages: what each reads, its body, its report. Commands in `entrypoints/` call them."""
