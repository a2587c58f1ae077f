"""Ten answers to one problem, and what the judge says about each: python examples/judge_ten_candidates.py"""

from rustml import Candidate, Judge, Limits

TESTS = """
#[test]
fn small() { assert_eq!(clamp_sum(&[1, 2, 3], 10), 6); }
#[test]
fn bounded() { assert_eq!(clamp_sum(&[7, 7], 10), 10); }
#[test]
fn empty() { assert_eq!(clamp_sum(&[], 10), 0); }
"""
HEAD = "pub fn clamp_sum(values: &[i64], bound: i64) -> i64"
ANSWERS = {
    "right": f"{HEAD} {{ values.iter().sum::<i64>().min(bound) }}",
    "right, with a loop": f"{HEAD} {{ let mut s = 0; for v in values {{ s += v; }} s.min(bound) }}",
    "no bound": f"{HEAD} {{ let _ = bound; values.iter().sum() }}",
    "a lint": f"{HEAD} {{ return values.iter().sum::<i64>().min(bound); }}",
    "wrong type": f"{HEAD} {{ values.iter().sum::<i32>() }}",
    "unfinished": f"{HEAD} {{ todo!() }}",
    "endless": f"{HEAD} {{ let _ = (values, bound); loop {{}} }}",
    "leaves early": f"{HEAD} {{ let _ = (values, bound); std::process::exit(0) }}",
    "unsafe": f"{HEAD} {{ unsafe {{ *values.get_unchecked(0) }}.min(bound) }}",
    "no function": "pub fn other() {}",
}


def main() -> None:
    """Judge the answers and print a line for each."""
    candidates = [
        Candidate(id=name, code=code, tests=TESTS, entry_point="clamp_sum", signature=HEAD)
        for name, code in ANSWERS.items()
    ]
    with Judge(Limits()) as judge:
        verdicts = judge.judge(candidates)
    for verdict in verdicts:
        passed = f"{verdict.tests_passed}/{verdict.tests_expected}"
        why = verdict.errors[0].message if verdict.errors else verdict.detail or ", ".join(verdict.lints)
        print(f"{verdict.id:20} {verdict.status:15} {passed:5} {why}")


if __name__ == "__main__":
    main()
