#!/usr/bin/env bash
# Search the noise and the step size, and train with the best of them: docs/search.md.
# bash search.sh [DIRECTORY] writes to that directory, or to a new one. Started again, it goes on.
set -euo pipefail
directory=${1:-$(mktemp -d)}
mkdir -p "$directory"
cd "$directory"

cat >search.yaml <<END
base:
  task: {id: CartPole-v1}
  policy: {name: linear}
  strategy: {population: 16}
env_steps: 10000
trials: 4
space:
  strategy.sigma: {low: 0.05, high: 1.0, log: true}
  strategy.learning_rate: {low: 0.01, high: 1.0, log: true}
END

odes-rl search search.yaml --directory search
cat search/best.yaml
[ -d runs/best ] || odes-rl train search/best.yaml --run.seed 0 --run.directory runs/best
odes-rl evaluate runs/best --episodes 20
echo "all of it is in $PWD"
