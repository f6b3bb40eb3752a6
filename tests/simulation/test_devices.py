"""Several devices share the episodes of a generation: in a process of its own, since JAX counts its devices once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
CODE = """
import json
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tests.simulation.fake import backend, make_seeds, make_statistics, make_weights

mesh = Mesh(np.array(jax.local_devices()), ("population",))
weights, statistics, seeds = make_weights(44), make_statistics(), make_seeds(44, 2)
split = jax.device_put(weights, NamedSharding(mesh, PartitionSpec("population")))
policy = jax.device_put(jax.tree.map(lambda leaf: leaf[:1], weights), NamedSharding(mesh, PartitionSpec()))
answers = []
for lanes, asked in ((1000, weights), (1000, split), (7, split)):
    with backend(lanes=lanes) as device:
        found = device.evaluate(asked, statistics, seeds)
        (program,) = device.programs._found.values()
        answers.append((found.returns.tolist(), found.lengths.tolist(), program.rows))
with backend() as device:
    answers.append(device.evaluate(policy, statistics, seeds[:1]).lengths.tolist())
print("RESULT", json.dumps(answers))
"""


def test_episodes_are_the_same_on_any_number_of_devices():
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (returns, lengths, rows), *others, policy = json.loads(done.stdout.rpartition("RESULT")[2])
    assert rows == 44
    for found, steps, at_once in others:
        np.testing.assert_array_equal(steps, lengths)
        np.testing.assert_allclose(found, returns, rtol=1e-4, atol=1e-4)
        assert at_once % 4 == 0
    assert others[0][2] == 44
    assert others[1][2] == 12
    assert policy == lengths[:1]
