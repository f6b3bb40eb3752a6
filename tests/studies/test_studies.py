"""Every study runs, at a size for tests, and leaves its table and picture; its config is one that loads."""

import csv
from pathlib import Path

import matplotlib.image
import pytest

import odes_rl_studies
from odes_rl.cli.program import main
from odes_rl.cli.study import load_study
from odes_rl.runs.lock import only_trainer
from odes_rl.studies import STUDIES

PACKAGE = Path(odes_rl_studies.__path__[0])
CONFIGS = Path(__file__).parents[2] / "studies/configs"
TINY: dict[str, dict[str, object]] = {
    "adjoints": {"ways": "[scan]", "width": 4, "batch_size": 2, "steps": "[2, 4]", "tolerances": "[0.1]"},
    "augmentation": {"models": "[neural ODE]", "width": 3, "training": 3, "batch_size": 4},
    "conditional_flow": {
        "width": 4,
        "tolerance": 0.1,
        "solver_steps": 2,
        "steps": 10,
        "batch": 16,
        "points": 50,
        "counted": 100,
    },
    "densities": {
        "targets": "[mixture]",
        "sizes": "[2]",
        "hutchinson": "none",
        "tolerance": 0.1,
        "solver_steps": 2,
        "steps": 10,
        "batch": 16,
        "points": 50,
    },
    "depth_variance": {"models": "[stacked]", "examples": 8, "steps": 10, "pieces": 2},
    "likelihood": {"data": "[rings]", "width": 4, "tolerance": 0.1, "solver_steps": 2, "steps": 10, "points": 50},
    "likelihood_digits": {"width": 4, "tolerance": 0.1, "solver_steps": 2, "steps": 10, "batch": 16, "draws": 1},
    "linear_systems": {"systems": "[spiral]", "steps": 20, "points": 5},
    "matching": {"size": 3, "graphs": 2, "noises": "[0]", "starts": 2, "steps": 5},
    "motions": {
        "examples": 10,
        "test_examples": 4,
        "horizon": 10,
        "points": 8,
        "steps": 10,
        "latent": 2,
        "width": 4,
        "batch": 4,
    },
    "gradients_through_depth": {"models": "[ode_to_ode, res_net]", "depths": "[5]", "width": 8, "training": 5},
    "theorem1": {
        "tasks": "[pendulum]",
        "depths": "[3]",
        "seeds": 1,
        "iterations": 10,
        "horizon": 5,
        "population": 8,
        "draws": 2,
    },
    "nanode_bases": {"degrees": "[1]", "buckets": "[2]", "seeds": 1, "steps": 4, "training": 5},
    "householder": {"sizes": "[[4, 3]]", "learning_rates": "[0.1]", "seeds": 1, "training": 5},
    "ode_net": {
        "models": "[one hidden layer, ResNet]",
        "width": 3,
        "channels": 2,
        "blocks": 2,
        "hidden": 5,
        "training": 2,
        "batch_size": 4,
        "tolerances": "[0.1]",
    },
    "reflection": {"models": "[data control]", "steps": 10, "width": 4},
    "sorting": {"methods": "[learned N]", "size": 3, "steps": 4, "factors": "[2]", "training": 5, "lists": 10},
    "spirals": {"examples": 10, "test_examples": 4, "points": 8, "steps": 10, "latent": 2, "width": 4, "batch": 4},
}
"""Options with which each study takes seconds."""
SLOW = ("adjoints", "conditional_flow", "likelihood", "likelihood_digits")
"""Those that take longer to compile."""
LONGER: dict[str, dict[str, object]] = {
    "adjoints": {"ways": "[scan, direct, checkpointed, backsolve]"},
    "conditional_flow": {},
    "densities": {"hutchinson": 2},
    "likelihood": {},
    "likelihood_digits": {},
    "ode_net": {"models": "[RK-Net, ODE-Net]"},
    "reflection": {"models": "[adaptive depth]"},
}
"""Options, beside the tiny ones, of what takes longer to compile."""
CASES = [
    *(pytest.param(name, {}, id=name) for name in TINY if name not in SLOW),
    *(pytest.param(name, more, id=f"{name}-longer", marks=pytest.mark.slow) for name, more in LONGER.items()),
]


@pytest.mark.parametrize(("name", "more"), CASES)
def test_a_study_leaves_table_and_picture(name, more, tmp_path, capsys):
    options = [f"--{option}={value}" for option, value in (TINY[name] | more).items()]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/table.md").write_text("earlier")
    assert (
        main(["study", str(CONFIGS / f"{name}.yaml"), f"--directory={tmp_path / 'out'}", "--overwrite", *options]) == 0
    )
    told = capsys.readouterr().out
    for file in ("table.md", "table.csv", "picture.png", "picture.pdf"):
        assert str(tmp_path / "out" / file) in told
    assert (tmp_path / "out/table.md").read_text() != "earlier"
    rows = list(csv.reader((tmp_path / "out/table.csv").open()))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}
    picture = matplotlib.image.imread(tmp_path / "out/picture.png")
    assert picture[..., :3].std() > 0.01
    assert (tmp_path / "out/config.yaml").exists()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_config_is_small_and_names_its_study(path):
    assert load_study(str(path), {}).study in STUDIES.names
    assert len(path.read_text().splitlines()) <= 20


def test_every_study_is_offered_and_has_a_config_and_a_tiny_one():
    modules = [path.stem for path in PACKAGE.glob("*.py") if "\nSTUDY = " in path.read_text(encoding="utf-8")]
    assert sorted(modules) == STUDIES.names == sorted(TINY)
    assert {path.stem for path in CONFIGS.glob("*.yaml")} >= set(modules)


def test_the_list_names_every_study(capsys):
    assert main(["list", "studies"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == STUDIES.names
    assert all(line.endswith(" [odes-rl-studies]") for line in lines)


@pytest.fixture
def none_installed(monkeypatch):
    monkeypatch.setitem(vars(STUDIES), "plug_ins", {})


@pytest.mark.usefixtures("none_installed")
def test_without_their_package_one_line_says_what_to_install(tmp_path, capsys):
    (tmp_path / "study.yaml").write_text("seed: 1\n")
    for path in (tmp_path / "study.yaml", CONFIGS / "reflection.yaml"):
        assert main(["study", str(path)]) == 2
        told = capsys.readouterr().err
        assert "no study is installed: `pip install ./studies`" in told
        assert told.count("\n") == 1
    assert main(["list", "studies"]) == 0
    assert capsys.readouterr().out.startswith("no study is installed: `pip install ./studies`")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 3\n", "names no study: add a line `study: NAME`"),
        ("study: linear_system\n", "did you mean 'linear_systems'"),
        ("study: linear_systems\nstep: 3\n", "unknown option step: did you mean 'steps'"),
        ("study: linear_systems\nsystems: [spiral, sinc]\n", "did you mean 'sink'"),
        (
            "study: linear_systems\ntolerance: 1.0e-12\n",
            "tolerance is 1e-12, but must be greater than or equal to 0.000000001",
        ),
        ("study: sorting\nfactors: [0]\n", "factors.0 is 0"),
        ("study: matching\nnoises: [-0.1]\n", "noises.0 is -0.1"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, capsys, text, message):
    (tmp_path / "study.yaml").write_text(text)
    assert main(["study", str(tmp_path / "study.yaml")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def study_at(directory: Path, *options: str) -> int:
    values = [f"--{option}={value}" for option, value in TINY["linear_systems"].items()]
    return main(["study", str(CONFIGS / "linear_systems.yaml"), f"--directory={directory}", *values, *options])


@pytest.mark.parametrize("name", ["config.yaml", "table.md", "table.csv", "picture.png", "picture.pdf"])
def test_what_a_study_left_is_kept(name, tmp_path, capsys):
    (tmp_path / name).write_text("earlier")
    assert study_at(tmp_path, "--seed", "1") == 2
    told = capsys.readouterr()
    assert told.out == ""
    fix = "add --overwrite to replace it, or give another --directory"
    assert told.err == f"odes-rl: {str(tmp_path)!r} already holds a study: {fix}\n"
    assert (tmp_path / name).read_text() == "earlier"


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoints", "report.html", "search.yaml"])
def test_a_study_never_takes_the_place_of_a_run_or_a_comparison(name, tmp_path, capsys):
    (tmp_path / name).write_text("")
    assert study_at(tmp_path, "--overwrite") == 2
    assert "holds a run, a comparison or a search: give another --directory" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {name, "lock"}


def test_a_study_never_goes_into_a_comparison_that_is_not_finished(tmp_path, capsys):
    run = tmp_path / "Hopper-v5" / "ode_to_ode" / "seed_0"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("")
    assert study_at(tmp_path, "--overwrite") == 2
    assert "holds a run, a comparison or a search: give another --directory" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {"Hopper-v5", "lock"}


def test_two_studies_do_not_share_a_directory(tmp_path, capsys):
    with only_trainer(tmp_path):
        assert study_at(tmp_path) == 2
    assert "another process" in capsys.readouterr().err
