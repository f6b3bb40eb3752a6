"""The law of the house, read from the imports and from real processes."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import numpy as np
import psutil
import pytest

import odes_rl
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EpisodeSettings, Moments

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "odes_rl"
FLOORS = [
    {"caching", "errors", "interrupts", "lazy"},
    {"devices", "extras", "start_up"},
    {"csv_text", "parts", "yaml_text"},
    {"validation"},
    {"act"},
    {"manifolds"},
    {"flows"},
    {"policies", "continuous"},
    {"es", "rollouts", "supervised", "loggers"},
    {"simulation"},
    {"config"},
    {"runs"},
    {"pretrained"},
    {"training", "export"},
    {"reports", "front"},
    {"compare", "inspection", "studies"},
    {"search"},
    {"cli"},
    {"__main__"},
]
"""From the ground up: a room may import what lies on floors below its own."""
FREE_OF_JAX = ("odes_rl", "odes_rl.act", "odes_rl.rollouts")
HEAVY = {"jax", "jaxlib", "optax", "diffrax", "equinox"}
PAPERS_TASKS = [
    "Swimmer-v5",
    "HalfCheetah-v5",
    "Humanoid-v5",
    "Hopper-v5",
    "dm_control/swimmer-swimmer15-v0",
    "dm_control/humanoid-stand-v0",
    "dm_control/humanoid-walk-v0",
    "dm_control/swimmer-swimmer6-v0",
]


def module_name(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
STUDIES = {module_name(path, ROOT / "studies"): path for path in sorted((ROOT / "studies").rglob("*.py"))}
LAZY = [name for name, path in MODULES.items() if "lazy_names(__name__" in path.read_text(encoding="utf-8")]


@cache
def imports(module: str) -> frozenset[str]:
    """All modules that a module names in imports, those inside functions and of types alone included.

    The package itself names what is public for types alone; a test below sees that it imports none of it.
    """
    tree = ast.parse((MODULES | STUDIES)[module].read_text(encoding="utf-8"))
    if module == "odes_rl":
        tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node))]
    return frozenset(_imports(tree))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here, so that they can be read"
            assert node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in names if name in MODULES or name in STUDIES]
            yield from submodules
            if len(submodules) < len(names):
                yield node.module


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def floor(module: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room(module) in rooms)


def ours(module: str) -> list[str]:
    return [name for name in imports(module) if name in MODULES | STUDIES and name != "odes_rl"]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "odes_rl"])
def test_a_module_imports_only_from_its_room_and_from_floors_below(module):
    above = [n for n in ours(module) if room(n) != room(module) and floor(n) >= floor(module)]
    assert not above, f"{module} is on floor {floor(module)}, and imports {above}"


def test_every_floor_holds_something():
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms == set.union(*FLOORS)


def test_modules_do_not_import_each_other_in_a_circle():
    modules = MODULES | STUDIES
    order = list(TopologicalSorter({module: ours(module) for module in modules}).static_order())  # or CycleError
    assert set(order) == modules.keys()


@pytest.mark.parametrize("package", FREE_OF_JAX)
def test_nothing_that_a_worker_imports_leads_to_jax(package):
    modules = [package] if package == "odes_rl" else [m for m in MODULES if f"{m}.".startswith(f"{package}.")]
    found, left = set(), [name for module in modules for name in imports(module)]
    while left:
        name = left.pop()
        if name in MODULES and name not in found:
            left += imports(name)
        found.add(name)
    assert not {name.partition(".")[0] for name in found} & HEAVY


def loaded_modules(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter after running `code`."""
    report = f"{code}\nimport sys; print('LOADED', *sorted({{name.partition('.')[0] for name in sys.modules}}))"
    output = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(output.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("task", ["HalfCheetah-v5", "dm_control/cheetah-run-v0"])
def test_a_workers_interpreter_loads_no_jax(task):
    loaded = loaded_modules(
        "import odes_rl.rollouts.worker\n"
        "from odes_rl.rollouts.protocol import EpisodeSettings\n"
        "from odes_rl.rollouts.episodes import Lane\n"
        f"Lane(EpisodeSettings({task!r}, None, 'linear', 'clip')).environment.reset(seed=0)"
    )
    assert "mujoco" in loaded
    assert not loaded & HEAVY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
def test_a_real_worker_maps_no_jaxlib():
    settings = EpisodeSettings("HalfCheetah-v5", 3, "linear", "clip")
    weights = (np.zeros((1, 6, 17), np.float32),)
    with ProcessesBackend(settings, workers=1) as backend:
        rollouts = backend.evaluate(weights, Moments.empty(17), np.zeros((1, 1), np.int64))
        (worker,) = backend.workers
        mapped = {entry.path for entry in psutil.Process(worker.process.pid).memory_maps()}
    assert rollouts.lengths.tolist() == [[3]]
    assert any("mujoco" in path for path in mapped), "the maps say nothing"
    assert not [path for path in mapped if "jaxlib" in path]


def test_the_package_names_what_is_public_and_imports_it_when_asked():
    loaded = loaded_modules("import odes_rl; assert set(odes_rl.__all__) <= set(dir(odes_rl))")
    assert "odes_rl" in loaded
    assert not loaded & HEAVY
    assert not hasattr(odes_rl, "tain")


@pytest.mark.parametrize("package", LAZY)
def test_public_names_are_what_type_checkers_read_and_lead_to_their_homes(package):
    module, tree = import_module(package), ast.parse(MODULES[package].read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == module._HOMES
    assert sorted(typed) == sorted(module.__all__)
    assert set(typed) <= set(dir(module))
    for name, home in module._HOMES.items():
        assert getattr(module, name) is getattr(sys.modules[home], name)


def test_studies_import_public_names_alone():
    imported = [node for path in STUDIES.values() for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    whole = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    assert not [name for name in whole if name.partition(".")[0] == "odes_rl"]
    used = {
        (node.module, alias.name)
        for node in imported
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "odes_rl"
        for alias in node.names
    }
    assert len(used) > 50
    assert not [name for name in used if name[0].count(".") > 1 or name[1] not in import_module(name[0]).__all__]


def test_the_package_imports_no_study():
    assert "odes_rl_studies.reflection" in STUDIES
    assert not [name for name in MODULES if not STUDIES.keys().isdisjoint(imports(name))]


def test_help_imports_no_jax():
    loaded = loaded_modules("from odes_rl.cli.program import main\nassert main(['--help']) == 0")
    assert "odes_rl" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("task", PAPERS_TASKS)
def test_both_suites_load(task):
    environment = make_environment(task)
    environment.reset(seed=0)
    _, reward, *_ = environment.step(environment.action_space.sample())
    environment.close()
    assert np.isfinite(float(reward))


def repository_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_file_names_this_machine_or_a_package_registry():
    home, work = Path.home().as_posix(), ROOT.as_posix()
    forbidden = [
        f"{work}/",
        "/ho" + "me/",
        "/Us" + "ers/",
        "py" + "pi.org",
        "pythonho" + "sted",
        "index" + "-url",
    ]
    forbidden += ["find" + "-links", *([f"{home}/"] if home != "/" else [])]
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in repository_files()
        for text in forbidden
        if text.encode() in path.read_bytes()
    ]
    assert not found
