"""Whatever is wrong with a part of one's own is one line with exit status 2, and nothing is left behind."""

import sys
from pathlib import Path

import pytest

from odes_rl.act import ACT_RULES
from odes_rl.cli.program import main
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.policies import POLICIES
from odes_rl.rollouts.backends import BACKENDS

MODULE = """
from odes_rl.policies.policy import PolicyConfig, PolicyFamily

class Config(PolicyConfig, frozen=True):
    '''Options of a policy that there is not.'''

NOTHING = PolicyFamily(Config, lambda config, observation_size, action_size: None)

def nothing(hidden):
    return None

def no_size():
    return None

def absent_rule(config, observation_size, action_size):
    from odes_rl_example.sines import SinesConfig, sines
    return sines(SinesConfig(name="x"), observation_size, action_size)._replace(act_rule="my_parts:ABSENT")

UNRULED = PolicyFamily(Config, absent_rule)

def with_manifolds(change):
    def build(config, observation_size, action_size):
        from odes_rl.policies.linear import LinearConfig, linear
        policy = linear(LinearConfig(), observation_size, action_size)
        return policy._replace(manifolds=change(policy.manifolds))
    return PolicyFamily(Config, build)

def with_weights(change):
    def build(config, observation_size, action_size):
        from odes_rl.policies.linear import LinearConfig, linear
        policy = linear(LinearConfig(), observation_size, action_size)
        return policy._replace(materialise=lambda params: change(policy.materialise(params)))
    return PolicyFamily(Config, build)

BARE = with_weights(lambda weights: weights.matrix)
SMALL = with_weights(lambda weights: weights._replace(matrix=weights.matrix[:1, :1]))
TALL = with_weights(lambda weights: weights._replace(matrix=weights.matrix.repeat(2, axis=0)[:4]))
LISTED = with_manifolds(lambda manifolds: [*manifolds.values()])
BIASED = with_manifolds(lambda manifolds: {**manifolds, "bias": manifolds["matrix"]})
"""
POLICY, BACKEND, TASK = "--policy.name", "--rollouts.backend", "--task.id"
TRAJECTORY = ["--policy.name", "trajectory_flow", "--policy.trajectory"]
GEODESIC = [*TRAJECTORY, "odes_rl_example.geodesic:geodesic", "--policy.trajectory-options"]
SINES = [POLICY, "odes_rl_example.sines:SINES"]
CASES = [
    ([POLICY, "my_parts:ABSENT"], "has no 'ABSENT'; valid are BARE, BIASED, LISTED, NOTHING, SMALL, TALL, UNRULED"),
    ([POLICY, "my_parts:nothing"], "is of type function, but must be of type PolicyFamily"),
    ([POLICY, "my_parts:NOTHING"], "'my_parts:NOTHING' builds a NoneType, but must build a Policy"),
    ([POLICY, "my_parts:UNRULED"], "act rule 'my_parts:ABSENT': the module my_parts"),
    ([POLICY, "my_parts:BARE"], "does not suit act rule 'linear': materialise must give LinearWeights"),
    ([POLICY, "my_parts:SMALL"], "its weights fail on an observation (3,): dot_general requires"),
    ([POLICY, "my_parts:TALL"], "it makes (2,), but must make (1,), of (3,)"),
    ([POLICY, "my_parts:LISTED", "--policy.action-bias", "true"], "need a dict of parameters, not a list"),
    (
        [POLICY, "my_parts:BIASED", "--policy.action-bias", "true"],
        "has a parameter 'bias', as its linear path or bias has",
    ),
    ([POLICY, "own_raises:X"], "cannot be imported: RuntimeError: no licence"),
    ([POLICY, "own_absent:X"], "there is no 'own_absent' in the current directory"),
    ([*TRAJECTORY, "my_parts:ABSENT"], "has no 'ABSENT'"),
    ([*TRAJECTORY, "my_parts:NOTHING"], "is of type PolicyFamily"),
    ([*TRAJECTORY, "my_parts:nothing"], "returns a NoneType, but must return a Trajectory"),
    ([*TRAJECTORY, "my_parts:no_size"], "no_size takes no argument, but must take hidden"),
    ([*TRAJECTORY, "own_raises:X"], "no licence"),
    ([*GEODESIC, "{turn: fast}"], "turn is 'fast', but must be a number"),
    ([*GEODESIC, "{tern: 1}"], "did you mean 'trajectory_options.turn'"),
    ([*GEODESIC, "3"], "which is not a mapping"),
    ([*SINES, "--policy.turn", "fast"], "policy.turn is 'fast', but must be a number"),
    ([*SINES, "--policy.turn", "-1"], "must be greater than 0"),
    ([*SINES, "--policy.tern", "1"], "unknown option policy.tern: did you mean 'policy.turn'"),
    ([BACKEND, "my_parts:NOTHING"], "must be of type BackendFamily"),
    ([BACKEND, "own_raises:X"], "no licence"),
    ([TASK, "my_parts:NOTHING"], "is of type PolicyFamily, but must be a class of environments"),
    ([TASK, "own_raises:X"], "no licence"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with modules of one's own, from which the program is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("my_parts.py").write_text(MODULE, encoding="utf-8")
    Path("own_raises.py").write_text("raise RuntimeError('no licence')", encoding="utf-8")
    yield tmp_path
    for name in ("my_parts", "own_raises"):
        sys.modules.pop(name, None)


@pytest.fixture
def torn(here, monkeypatch):
    """A package is installed whose modules are gone."""
    groups = {"policies": "torn", "act_rules": "torn", "trajectories": "torn", "backends": "torn"}
    points = "".join(f"[odes_rl.{group}]\n{name} = own_gone:PART\n" for group, name in groups.items())
    (here / "torn_package-1.dist-info").mkdir()
    (here / "torn_package-1.dist-info/METADATA").write_text("Name: torn-package\nVersion: 1\n", encoding="utf-8")
    (here / "torn_package-1.dist-info/entry_points.txt").write_text(points, encoding="utf-8")
    for registry in (POLICIES, ACT_RULES, TRAJECTORIES, BACKENDS):
        monkeypatch.delitem(vars(registry), "plug_ins", raising=False)
    yield
    for registry in (POLICIES, ACT_RULES, TRAJECTORIES, BACKENDS):
        vars(registry).pop("plug_ins", None)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the program says."""
    before = sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts)
    assert main(arguments) == 2
    assert sorted(path for path in Path().rglob("*") if "__pycache__" not in path.parts) == before
    out, line = capsys.readouterr()
    assert (out, line.count("\n")) == ("", 1), line
    return line


def train(*options: str) -> list[str]:
    """A tiny run in which one thing is wrong."""
    return ["train", "--task.id", "Pendulum-v1", "--rollouts.backend", "serial", "--run.directory", "out", *options]


@pytest.mark.parametrize(("options", "words"), CASES, ids=lambda value: None if isinstance(value, str) else value[-1])
def test_a_mistake_is_one_line(options, words, here, capsys):
    assert words in refused(train(*options), capsys)


@pytest.mark.parametrize(("name", "words"), [("my_parts:NOTHING", "of type StudyFamily"), ("own_raises:X", "licence")])
def test_a_mistake_in_a_studys_name_is_one_line(name, words, here, capsys):
    Path("study.yaml").write_text(f"study: {name}", encoding="utf-8")
    assert words in refused(["study", "study.yaml"], capsys)


def test_a_package_whose_modules_are_gone_is_told_of_where_it_is_used_and_harms_no_other(torn, capsys):
    for options in ([POLICY, "torn"], [*TRAJECTORY, "torn"], [BACKEND, "torn"]):
        line = refused(train(*options), capsys)
        assert "'torn' of the package torn-package: the module 'own_gone' cannot be imported" in line
    for what in ("policies", "act_rules", "trajectories", "backends"):
        assert main(["list", what]) == 0
        *others, last = capsys.readouterr().out.splitlines()
        assert last.startswith("torn ")
        assert last.endswith("[torn-package]")
        assert "cannot be loaded: " in last
        assert not [line for line in others if "cannot be loaded" in line]
    assert main(["list", "policies", "--task", "Pendulum-v1"]) == 0
    assert "cannot be loaded" in capsys.readouterr().out.splitlines()[-1]
