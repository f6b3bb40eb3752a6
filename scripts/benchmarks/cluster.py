"""What the Ray backend costs, measured on this machine, and what a generation should take on 1 to 1000 nodes.

Measured: a batch of one unit handed out and its answers taken in (seconds of the trainer's processor, and of the
clock); putting a byte; a Humanoid-v5 episode of 1000 steps, that goes on after a fall, on one core; asking for,
materialising and telling a candidate; bytes. The table is a model built of them, not a measurement: no such cluster
was at hand.

    .venv/bin/python scripts/benchmarks/cluster.py --output cluster.json
"""

import argparse
import os
import pickle
import time
from typing import Any

os.environ.setdefault("MUJOCO_GL", "disable")

import jax
import numpy as np
from cluster_model import NODES, Costs, forecast
from full_length import HUMANOID
from measuring import say, table, write_report
from policies import SETTINGS, Setting, measure_policy

from odes_rl.policies import make_policy, policy_config_class
from odes_rl.rollouts.cluster.actor import EpisodeActor
from odes_rl.rollouts.cluster.backend import RayBackend
from odes_rl.rollouts.cluster.blocks import Block, split
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend

_IN_HAND = 2
"""Batches of each actor while the trainer's cost is measured: it never waits for one."""


def make_block(hidden: int, candidates: int) -> tuple[str, Block]:
    """The act rule, and a block of candidates, of ODEtoODE on Humanoid."""
    config = policy_config_class("ode_to_ode")(hidden=hidden)
    policy = make_policy(config, 348, 17)
    weights = policy.materialise(policy.init(jax.random.key(0)))
    leaves = tuple(np.repeat(np.asarray(leaf)[None], candidates, axis=0) for leaf in weights)
    (block,) = split(leaves, Moments.empty(348), np.arange(candidates)[:, None], candidates)
    return policy.act_rule, block


def measure_episode(rule: str, block: Block, steps: int) -> float:
    """Seconds of a core for a Humanoid episode of 1000 steps, from ones of `steps`."""
    with SerialBackend(EpisodeSettings(HUMANOID, steps, rule, "clip")) as backend:
        questions = (tuple(leaf[:2] for leaf in block.weights), block.statistics, block.seeds[:2])
        backend.evaluate(*questions)  # compiles
        started = time.process_time()
        rollouts = backend.evaluate(*questions)
        return 1000 * (time.process_time() - started) / float(rollouts.lengths.sum())


def measure_bytes(rule: str, block: Block) -> dict[str, float]:
    """Bytes of a candidate's weights, and of a unit's answers, as they are sent."""
    actor = EpisodeActor(EpisodeSettings("Humanoid-v5", 2, rule, "clip"), 1)
    actor.ready()
    few, more = (len(pickle.dumps(actor.run(np.arange(count), block), protocol=5)) for count in (1, 9))
    return {"weights": len(pickle.dumps(block, protocol=5)) / block.seeds.size, "answer": (more - few) / 8}


def measure_ray(rule: str, block: Block, batches: int) -> dict[str, float]:
    """Seconds a batch of one unit: of the trainer's processor, and of the clock; seconds a byte put."""
    with RayBackend(EpisodeSettings("Humanoid-v5", 1, rule, "clip"), address="local") as backend:
        crew, candidates = backend.crew, block.seeds.shape[0]
        backend.evaluate(block.weights, block.statistics, block.seeds)  # everybody is at work
        while len(crew.ready) < len(crew.handles):
            crew.admit(crew.next_event())
        started = time.perf_counter()
        references = [backend.ray.put(block) for _ in range(8)]
        put = (time.perf_counter() - started) / sum(len(pickle.dumps(block, protocol=5)) for _ in references)
        for actor in crew.handles:
            for _ in range(_IN_HAND):
                crew.hand_out(actor, np.array([0]), references[:1])
        clock, processor = time.perf_counter(), time.process_time()
        for unit in range(batches):
            event = crew.next_event()
            crew.hand_out(event.actor, np.array([unit % candidates]), references[:1])
            assert event.future.result().lengths.tolist() == [1]
        return {
            "batch": (time.process_time() - processor) / batches,
            "batch_clock": (time.perf_counter() - clock) / batches,
            "put": put,
        }


def measure(name: str, setting: Setting, quick: bool) -> dict[str, float]:
    """All costs of ODEtoODE with that setting on Humanoid."""
    population = 64 if quick else 200
    learning = measure_policy(setting, population, 2 if quick else 5)
    rule, block = make_block(setting.options["hidden"], 32)
    costs = {
        "episode": measure_episode(rule, block, 50 if quick else 300),
        "learn": (learning["candidates"] + learning["tell"]) / population,
        **measure_bytes(rule, block),
        **measure_ray(rule, block, 200 if quick else 2000),
    }
    say(f"{name}: {costs}")
    return costs


def costs_table(results: dict[str, dict[str, float]]) -> str:
    """The measured costs."""
    header = ["policy", "batch µs", "(clock)", "put ms/MB", "learn ms/candidate", "episode s"]
    header += ["weights kB/candidate", "results kB/unit"]
    rows = [
        [
            name,
            *(f"{1e6 * row[figure]:.0f}" for figure in ("batch", "batch_clock")),
            f"{1e9 * row['put']:.2f}",
            f"{1e3 * row['learn']:.2f}",
            f"{row['episode']:.2f}",
            *(f"{row[figure] / 1e3:.1f}" for figure in ("weights", "answer")),
        ]
        for name, row in results.items()
    ]
    return table(header, rows)


def model_table(results: dict[str, dict[str, float]], options: argparse.Namespace) -> str:
    """The forecast; efficiency is the share of the cores' time that episodes take, also if learning took no time."""
    header = ["policy", "nodes", "cores", "candidates", "work s", "trainer s", "network s", "put s", "learn s"]
    rows = []
    for name, row in results.items():
        costs = Costs(**{field: row[field] for field in Costs._fields})
        for grows in (False, True):
            for nodes in NODES:
                cores = nodes * options.cores
                candidates = options.per_core * cores if grows else options.population
                parts = forecast(costs, cores, candidates, options.gigabits * 1e9 / 8)
                useful = candidates * costs.episode / cores
                shares = [useful / parts.total(), useful / (parts.total() - parts.learn)]
                sizes = [name, f"{nodes:,}", f"{cores:,}", f"{candidates:,}", *(f"{part:.2f}" for part in parts)]
                rows.append([*sizes, f"{parts.total():.2f}", *(f"{share:.0%}" for share in shares)])
    return table([*header, "generation s", "efficiency", "if learn = 0"], rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=32, help="a node, in the model")
    parser.add_argument("--population", type=int, default=8192, help="candidates, in the model's first rows")
    parser.add_argument("--per-core", type=int, default=8, help="candidates, where the population grows")
    parser.add_argument("--gigabits", type=float, default=10.0, help="a second, of the trainer's network in the model")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--output", help="JSON file for the figures")
    return parser.parse_args()


def main() -> None:
    """Measure, print both tables, write JSON."""
    options = parse()
    base: Any = SETTINGS["ODEtoODE, h = 64, Humanoid"]
    results = {}
    for hidden in (16, 64):
        name = f"ODEtoODE, h = {hidden}"
        results[name] = measure(name, base._replace(options={"hidden": hidden}), options.quick)
    print(costs_table(results), end="\n\n")
    print(model_table(results, options))
    write_report(options.output, options, results)


if __name__ == "__main__":
    main()
