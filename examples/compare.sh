#!/usr/bin/env bash
# Compare two policies over two seeds, and read the table; report.html has it with curves: docs/compare.md.
# bash compare.sh [DIRECTORY] writes to that directory, or to a new one. Started again, it goes on.
set -euo pipefail
directory=${1:-$(mktemp -d)}
mkdir -p "$directory"
cd "$directory"

cat >compare.yaml <<END
env_steps: 40000
seeds: 2
baseline: linear
base:
  policy: {hidden: 8, steps: 5, output_scale: 3.0}
  strategy: {preset: isotropic, population: 16, sigma: 0.1, learning_rate: 0.03}
  run: {evaluate_every: 4}
tasks:
  Pendulum-v1:
policies:
  nanode:
  linear:
END

odes-rl compare compare.yaml --directory comparison
cat comparison/table.md
echo "all of it is in $PWD"
