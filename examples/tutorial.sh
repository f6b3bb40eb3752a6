#!/usr/bin/env bash
# Train two seeds, go on with one, evaluate, plot, inspect, film and export: docs/tutorial.md in a minute.
# bash tutorial.sh [DIRECTORY] writes to that directory, or to a new one.
set -euo pipefail
directory=${1:-$(mktemp -d)}
mkdir -p "$directory"
cd "$directory"

cat >mine.yaml <<END
task:
  id: Pendulum-v1
policy:
  name: ode_to_ode
  hidden: 8
  steps: 5
  output_scale: 3.0
strategy:
  preset: isotropic
  population: 16
  sigma: 0.1
  learning_rate: 0.03
run:
  generations: 20
  evaluate_every: 5
END

odes-rl train mine.yaml --run.seed 0 --run.directory runs/mine0
odes-rl train mine.yaml --run.seed 1 --run.directory runs/mine1
odes-rl resume runs/mine0 --run.generations 30
odes-rl evaluate runs/mine0 --episodes 20 --video film.gif
odes-rl plot runs/mine0 runs/mine1 --output curves
odes-rl inspect runs/mine0
odes-rl export runs/mine0
echo "all of it is in $PWD"
