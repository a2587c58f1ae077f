"""Problem banks: verifiable tasks, from public benchmarks, from files, and from the generated tiny families."""

from rustml.banks.bank import Bank
from rustml.banks.build import build
from rustml.banks.report import BankReport
from rustml.banks.sources.load import load_bank

__all__ = ["Bank", "BankReport", "build", "load_bank"]
