"""The examples of docs/extending.md and docs/python.md run and do what the page says; the reference is whole."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import odes_rl
from odes_rl.act import find_rule
from odes_rl.cli.program import COMMANDS
from odes_rl.config.layering import FITTING, TRAINING, layer_values, section_class
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.manifolds import MANIFOLDS
from odes_rl.policies import POLICIES, make_policy
from odes_rl.policies.counting import free_dimensions, parameter_count
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.supervised.models import MODELS
from tests.runs import timeless

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(language: str, name: str = "extending.md") -> list[str]:
    """The page's blocks in that language."""
    page = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def write_modules(directory: Path) -> None:
    """Write the blocks that are files of their own, as their first lines say."""
    for block in blocks("python"):
        if name := re.match(r"# (\w+\.py)\n", block):
            (directory / name[1]).write_text(block, encoding="utf-8")


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> Iterator[dict[str, Any]]:
    """What the page's examples define, one after another; their registrations are taken back afterwards."""
    registries: list[dict[str, Any]] = [MANIFOLDS, POLICIES, TRAJECTORIES]
    before = [dict(registry) for registry in registries]
    namespace: dict[str, Any] = {"__name__": "examples"}
    modules = tmp_path_factory.mktemp("modules")
    write_modules(modules)
    for block in blocks("python"):
        if not re.match(r"# \w+\.py\n", block):
            exec(block, namespace)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(modules)
        yield namespace
    for registry, entries in zip(registries, before, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = spec_from_file_location("hooks", DOCS / "hooks.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifold_keeps_its_points(examples):
    skew = MANIFOLDS["skew"]()
    point = skew.random(jax.random.key(0), (3, 3))
    gradient = jax.random.normal(jax.random.key(1), (3, 3))
    moved = skew.perturb(skew.exp(point, skew.to_tangent(point, gradient)), gradient, 0.1)
    assert float(jnp.abs(moved - point).max()) > 0.1
    assert float(skew.violation(moved)) < 1e-6
    projection = jax.jacfwd(lambda noise: skew.to_tangent(point, noise).reshape(-1))(point).reshape(9, 9)
    assert skew.dimension((3, 3)) == skew.stored((3, 3)) == np.linalg.matrix_rank(projection) == 3


def test_the_trajectory_is_a_geodesic_of_the_orthogonal_group(examples):
    trajectory = TRAJECTORIES["geodesic"](4)
    params = trajectory.init(jax.random.key(0))
    start, half, whole = trajectory.weights(params, jnp.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(start, params["initial"], atol=1e-6)
    np.testing.assert_allclose(half @ start.T @ half, whole, atol=1e-5)
    assert float(jnp.abs(whole - start).max()) > 0.1


def test_the_manifolds_dimensions_are_counted(examples):
    policy = examples["geodesic_policy"](examples["GeodesicConfig"](hidden=4), 4, 4)
    orthogonal, skew, bias = 3 * 6, 6, 4
    assert free_dimensions(policy) == orthogonal + skew + bias
    assert parameter_count(policy) == 3 * 16 + skew + bias


@pytest.mark.parametrize("name", ["geodesic", "sine:POLICY"])
def test_a_policy_is_configured_and_acts(examples, name):
    config = layer_values({"task": {"id": "HalfCheetah-v5"}}, {"policy.name": name}, default_directory="runs/x")
    policy = make_policy(config.policy, 17, 6)
    params = jax.tree.map(lambda leaf: leaf + 0.1, policy.init(jax.random.key(0)))
    weights = jax.tree.map(np.asarray, policy.materialise(params))
    rule = find_rule(policy.act_rule)
    observation = np.linspace(-1, 1, 17, dtype=np.float32)
    action = np.empty(6, np.float32)
    rule.kernel(weights, observation, action)
    np.testing.assert_allclose(action, rule.array(weights, observation), rtol=1e-5, atol=1e-5)
    assert np.abs(action).max() > 0.01


def test_the_backend_gives_the_bits_of_serial(examples):
    settings = EpisodeSettings("HalfCheetah-v5", 10, "linear", "clip")
    weights = (np.random.default_rng(0).normal(size=(4, 6, 17)).astype(np.float32),)
    seeds = np.arange(8).reshape(4, 2)
    with examples["ThreadsBackend"](settings, workers=3) as threads, SerialBackend(settings) as serial:
        ours, theirs = (b.evaluate(weights, Moments.empty(17), seeds) for b in (threads, serial))
    assert ours.returns.tobytes() == theirs.returns.tobytes()
    assert ours.lengths.tolist() == [[10, 10]] * 4


def test_the_optimiser_on_manifolds_finds_the_largest_plane(capsys):
    namespace: dict[str, Any] = {"__name__": "examples"}
    exec(next(block for block in blocks("python", "python.md") if "riemannian" in block), namespace)
    value, violation = map(float, capsys.readouterr().out.split())
    assert value == pytest.approx(-15, abs=1e-3)
    assert violation < 1e-6


def test_the_page_on_python_has_every_manifold():
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    public = {kind.__name__ for kind in MANIFOLDS.values()} & set(odes_rl.__all__)
    assert public
    assert not [name for name in public if f"| `{name}(" not in page]


RUN_TINY = """#!/bin/sh
case $1 in train) set -- "$@" --task.max_steps 20 --strategy.population 4 --run.evaluation_episodes 1 ;; esac
exec {python} -P -m odes_rl "$@"
"""
"""What stands for the console script, which does not look for modules where it is called, either."""


@pytest.mark.slow
def test_its_commands_run_anywhere_and_leave_nothing_that_breaks_another_run(tmp_path, monkeypatch):
    here, elsewhere, program = tmp_path / "here", tmp_path / "elsewhere", tmp_path / "bin" / "odes-rl"
    for directory in (here, elsewhere, program.parent):
        directory.mkdir()
    program.write_text(RUN_TINY.format(python=sys.executable))
    program.chmod(0o755)
    write_modules(here)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    commands = "".join(blocks("sh"))
    assert {"reach:Reach-v0", "sine:POLICY"} <= set(re.findall(r'"(\w+:[\w-]+)"', commands))
    commands += "odes-rl train sine.yaml --run.directory runs/serial --rollouts.backend serial --run.generations 30\n"
    commands += "odes-rl train reach.yaml --policy.name sine:POLICY --run.directory runs/both --run.generations 2\n"
    fresh = "printf 'task: {id: HalfCheetah-v5}' >x.yaml; odes-rl train x.yaml --run.generations 2"
    for directory, script in {here: commands, elsewhere: f"{fresh} --rollouts.backend serial"}.items():
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    monkeypatch.syspath_prepend(here)
    runs = [RunDirectory.open(here / "runs" / name) for name in ("sine", "serial")]
    assert timeless(runs[0]) == timeless(runs[1])
    assert (here / "runs/sine/inspection.png").is_file()


def test_the_reference_holds_every_option(hooks):
    page = hooks.on_page_markdown((DOCS / "configuration.md").read_text(encoding="utf-8"))
    assert "{{" not in page
    assert not [option for option in options_of(TRAINING, "linear", POLICIES) if f"| `{option}` |" not in page]


def test_the_reference_of_supervised_runs_holds_every_option(hooks):
    page = hooks.on_page_markdown((DOCS / "supervised.md").read_text(encoding="utf-8"))
    assert "{{" not in page
    assert not [option for option in options_of(FITTING, "dense", MODELS) if f"| `{option}` |" not in page]
    assert "| `model.name` | text | `ode_to_ode` |" in page


def options_of(kind, name, families):
    """Every dotted option of a kind of run; `name` is one of the `families`."""
    models = [(section, section_class(section, name, kind)) for section in kind.sections if section != kind.named]
    models += [(kind.named, family.config) for family in families.values()]
    return [f"{section}.{option}" for section, model in models for option in model.model_fields]


def test_every_option_is_described():
    sections = [section_class(name, "linear") for name in TRAINING.sections if name != "policy"]
    sections += [section_class(name, "dense", FITTING) for name in FITTING.sections]
    # A class of the page's examples has no source file, out of which its descriptions could be read.
    policies = [family.config for family in POLICIES.values() if family.config.__module__.startswith("odes_rl.")]
    options = [
        (model, option, field.description)
        for model in [*sections, *policies]
        for option, field in model.model_fields.items()
        if option != "name"
    ]
    assert len(policies) > 2
    assert not [(model, option) for model, option, description in options if not description]


def test_a_row_of_the_reference_tells_type_default_and_meaning(hooks):
    rows = hooks.section_table("strategy").splitlines()
    row = next(row for row in rows if "`strategy.sigma`" in row)
    assert row == "| `strategy.sigma` | number, > 0 | `0.03` | Standard deviation of a perturbation's entries. |"


def test_pages_name_commands_that_exist():
    pages = {path.name: path.read_text(encoding="utf-8") for path in [*DOCS.glob("*.md"), ROOT / "README.md"]}
    for name, page in pages.items():
        unknown = set(re.findall(r"odes-rl ([a-z]+)", page)) - set(COMMANDS)
        assert not unknown, name


def test_pages_write_options_as_the_help_does():
    pages = {path.name: path.read_text(encoding="utf-8") for path in [*DOCS.glob("*.md"), ROOT / "README.md"]}
    assert not {name: found for name, page in pages.items() if (found := re.findall(r"--[a-z.-]+_[\w.]*", page))}


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (ROOT / link).is_file()]
