"""The Ray backend on a cluster of two nodes, which die."""

import re
import signal
import socket
import sys
import threading
import time

import psutil
import pytest
from rollout_cases import WALK, assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.errors import UserError
from odes_rl.rollouts import watch
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.cluster import crew
from odes_rl.rollouts.cluster.backend import RayBackend
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.rollouts.setup import Setup
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import restore_run
from tests.made_runs import bits, timeless, train_run

ray = pytest.importorskip("ray")

NODES = 2


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """The directory in which gated environments say that they run, and wait for the file `open`."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def deaths(tmp_path_factory):
    """The file that says how many more times an environment is to kill its process."""
    return tmp_path_factory.mktemp("deaths") / "left"


@pytest.fixture(scope="module")
def cluster(gate, deaths):
    """A head without room for actors, and two nodes of one CPU each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Before the nodes start, which hand them on.
        patch.setenv("TESTS_GATE", str(gate))
        patch.setenv("TESTS_DEATHS", str(deaths))
        patch.setenv("RAY_worker_niceness", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        for _ in range(NODES):
            cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def open_ray(cluster):
    """A backend on the cluster, for a task."""

    def open_backend(task, max_steps=None, lanes=1):
        return RayBackend(make_settings(task, max_steps), NODES, lanes, cluster.address)

    return open_backend


def serially(task, asked, max_steps=None):
    with SerialBackend(make_settings(task, max_steps)) as backend:
        return backend.evaluate(*asked)


def wait_for(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_actors_give_the_bits_of_serial_and_leave_nothing_behind(open_ray):
    asked, handler = questions("HalfCheetah-v5", 6, 2), signal.getsignal(signal.SIGTERM)
    expected = serially("HalfCheetah-v5", asked, 15)
    with open_ray("HalfCheetah-v5", 15) as backend:
        assert signal.getsignal(signal.SIGTERM) is handler
        found = backend.evaluate(*asked)
        assert_same_bits(found, expected)
        assert found.restarts == 0
        one = backend.evaluate(*questions("HalfCheetah-v5", 1, 3))
        assert_same_bits(one, serially("HalfCheetah-v5", questions("HalfCheetah-v5", 1, 3), 15))
        actors = [psutil.Process(process) for _, process in backend.crew.places.values()]
        assert actors
        for actor in actors:
            assert {actor.environ()[f"{name}_NUM_THREADS"] for name in ("OMP", "OPENBLAS")} == {"1"}
            mapped = {entry.path for entry in actor.memory_maps()}
            assert any("mujoco" in path for path in mapped), "the maps say nothing"
            assert not [path for path in mapped if "jaxlib" in path]
    wait_for(lambda: not any(actor.is_running() for actor in actors))
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is handler


def test_actors_give_the_bits_of_serial_on_dm_control_within_a_connection_that_was_there(open_ray, cluster):
    task = "dm_control/cheetah-run-v0"
    asked = questions(task, 4, 2)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        with open_ray(task, 15, lanes=2) as backend:
            assert_same_bits(backend.evaluate(*asked), serially(task, asked, 15))
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_actors_close_their_environments(cluster, tmp_path):
    file = tmp_path / "closed"
    settings = make_settings("odd_environments:TellsOfClose-v0")._replace(setup=Setup({"file": str(file)}))
    with RayBackend(settings, NODES, 2, cluster.address) as backend:
        backend.evaluate(*questions("odd_environments:Plain-v0", 4, 2))
        before, actors = file.read_text().count("closed") if file.exists() else 0, len(backend.crew.ready)
    assert actors
    assert file.read_text().count("closed") == before + 2 * actors


def test_an_environments_failure_reaches_the_trainer_with_its_message(open_ray):
    asked = questions(WALK, 2, 1)
    with open_ray("faulty_environments:RaisingInStep-v0") as backend, pytest.raises(EnvironmentFailure) as caught:
        backend.evaluate(*asked)
    assert re.search(r"RaisingInStep-v0 raised in an episode with seed \d+:\n(.|\n)*step went wrong", str(caught.value))


def test_an_episode_that_kills_whoever_runs_it_stops_the_run_and_is_named(open_ray, deaths, monkeypatch):
    monkeypatch.setattr(watch, "FUTILE_DEATHS", 1)
    deaths.write_text("1000")
    asked = questions(WALK, 1, 1)
    message = rf"on faulty\S+ with an episode of seed {asked[2][0, 0]} died 2 times .* in Ray's logs on the node"
    with open_ray("faulty_environments:Killed-v0") as backend, pytest.raises(EnvironmentFailure, match=message):
        backend.evaluate(*asked)


def test_a_training_run_is_that_of_processes_to_the_bit(cluster, tmp_path, monkeypatch):
    options = {"run__generations": 2, "rollouts__workers": 2}
    here, state = train_run(tmp_path / "here", rollouts__backend="processes", **options)
    there, twin = train_run(tmp_path / "there", rollouts__backend="ray", rollouts__address=cluster.address, **options)
    assert bits(state) == bits(twin)
    assert timeless(here) == timeless(there)
    monkeypatch.setitem(sys.modules, "ray", None)  # an evaluation needs neither the cluster nor the package
    ours, theirs = (evaluate_restored(restore_run(run), 3).returns.tolist() for run in (here, there))
    assert ours == theirs


def kill_one_of(cluster, driver_node):
    """End a node's raylet and its workers at once, not the driver's."""
    node = next(node for node in cluster.worker_nodes if node.unique_id != driver_node)
    cluster.remove_node(node, allow_graceful=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:os.fork")
def test_a_node_that_dies_in_mid_generation_changes_nothing_but_the_restarts(open_ray, cluster, gate, capfd):
    asked = questions(WALK, 8, 2)
    expected = serially(WALK, asked)
    with open_ray("faulty_environments:Gated-v0") as backend:

        def disaster():
            wait_for(lambda: len(list(gate.iterdir())) == NODES)
            kill_one_of(cluster, ray.get_runtime_context().get_node_id())
            (gate / "open").touch()

        thread = threading.Thread(target=disaster)
        thread.start()
        found = backend.evaluate(*asked)
        thread.join()
        assert_same_bits(found, expected)
        assert found.restarts >= 1  # or more, if Ray puts a new actor on the node before it knows of its death
        assert len(backend.crew.ready) == 1
        cluster.add_node(num_cpus=1)

        def back_to_strength():
            assert_same_bits(backend.evaluate(*asked), expected)
            return len(backend.crew.ready) == NODES

        wait_for(back_to_strength)
    assert capfd.readouterr() == ("", "")


def test_without_a_node_for_long_there_is_a_clear_end(open_ray, cluster, monkeypatch):
    monkeypatch.setattr(crew, "PATIENCE_SECONDS", 2.0)
    for node in list(cluster.worker_nodes):
        cluster.remove_node(node, allow_graceful=False)
    started = time.monotonic()
    with (
        open_ray(WALK) as backend,
        pytest.raises(EnvironmentFailure, match=r"no actor could be started for \d+ seconds: 2 wait for a CPU each"),
    ):
        backend.evaluate(*questions(WALK, 1, 1))
    assert time.monotonic() - started < 60


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=re.escape('pip install "odes-rl[ray]"')):
        BACKENDS["ray"].check(WALK, Setup())
    with pytest.raises(UserError, match=r"rollouts\.backend: ray needs the package ray"):
        RayBackend(make_settings(WALK))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"127.0.0.1:{free_port()}", "no Ray cluster to join at '127.0.0.1:"),
        ("nowhere", "no Ray cluster to join at 'nowhere'"),
        ("ray://127.0.0.1:10001", "is an address for Ray's client"),
    ],
    ids=["closed port", "no port", "client"],
)
def test_an_address_that_nobody_answers_at_is_told_soon(address, said):
    with pytest.raises(UserError, match=said), RayBackend(make_settings(WALK), 1, 1, address):
        pass
    assert not ray.is_initialized()
