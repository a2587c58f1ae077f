# `make lifecycle` and `make test` are the two commands; each sets up what it needs on a fresh machine.
VENV ?= .venv
PROFILE ?= tiny
BIN := $(VENV)/bin
export VENV PROFILE
# Telemetry off, no hub: the embedded default needs no network beyond set-up.
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: setup lifecycle test test-all check format bench ui clean

setup:
	@scripts/setup.sh

lifecycle: setup
	@$(BIN)/python -m entrypoints._support.store
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mlflow run . -e lifecycle -P profile=$(PROFILE) --env-manager local --experiment-name rustml

test: setup
	$(BIN)/python -m pytest -n 2

test-all: setup
	$(BIN)/python -m pytest -n 2 -m "not gpu and not network"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	@test -n "$(NAME)" || { echo "make bench NAME=…; there are: $(basename $(notdir $(wildcard benchmarks/*.py)))"; exit 2; }
	$(BIN)/python -m benchmarks.$(NAME)

ui: setup
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

# Caches and working folders. Runs in the store stay reusable; harvest runs again if its unpacked crates were among them.
clean:
	rm -rf outputs
