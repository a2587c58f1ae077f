"""The table of a lifecycle has columns for whatever suites were measured."""

from rustml.release.suite_columns import captions_of, columns_of
from tests.support.evaluations import evaluation_of


def test_each_retention_suite_has_a_column_whatever_its_name() -> None:
    evaluation = evaluation_of("w", rust=[True], rust_sampled=[[True, False]], humaneval=[True], mbpp=[False])
    columns = columns_of([evaluation])
    assert list(columns) == [
        "rust format",
        "rust compile",
        "rust pass",
        "rust clippy",
        "rust_sampled pass@1",
        "humaneval",
        "mbpp",
    ]
    assert set(columns.values()) <= evaluation.metrics().keys()
    assert captions_of([evaluation]) == [], "they are named as what they are"


def test_no_models_have_no_columns() -> None:
    assert columns_of([]) == {}
