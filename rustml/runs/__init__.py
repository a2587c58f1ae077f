"""Runs of stages: their keys, their records in MLflow, their progress on the terminal."""
