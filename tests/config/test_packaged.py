"""Configs by their names: found from any directory, in a checkout and in an installed wheel."""

from pathlib import Path

import pytest

from odes_rl.cli.program import COMMANDS, main
from odes_rl.cli.study import load_study
from odes_rl.compare.config import load_comparison
from odes_rl.config.layering import FITTING, load_config, make_config
from odes_rl.config.packaged import command_of, find_config, packaged_configs, paths
from odes_rl.errors import UserError
from odes_rl.front.launching import _configure
from odes_rl.search.config import load_search
from odes_rl.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
FILES = [*(ROOT / "configs").rglob("*.yaml"), *(ROOT / "studies/configs").rglob("*.yaml")]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_config_of_the_repository_has_a_name_of_its_own():
    assert sorted(paths().values()) == sorted(FILES)
    assert not {name for name in paths() if Path(name).suffix}


def test_the_list_names_each_below_its_command(capsys):
    assert main(["list", "configs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {*paths(), "odes-rl"}
    start = lines.index("odes-rl fit CONFIG")
    assert lines[start + 1].startswith("digits ")
    assert {config.command for config in packaged_configs().values()} == {"train", "search", "compare", "fit", "study"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_is_that_of_its_command(path):
    assert find_config(path.stem, command_of(read_yaml(path))) == path


def test_each_command_takes_a_name():
    assert make_config("half_cheetah", {"strategy.sigma": "0.5"}).run.directory == "runs/half_cheetah"
    assert make_config("digits", {}, FITTING) == load_config(ROOT / "configs/supervised/digits.yaml", {}, FITTING)
    assert load_comparison("small", {}) == load_comparison(ROOT / "configs/compare/small.yaml", {})
    assert load_search("ode_to_ode_half_cheetah", {}, {}).path == Path("runs/search/ode_to_ode_half_cheetah")
    assert load_study("sorting", {}) == load_study(str(ROOT / "studies/configs/sorting.yaml"), {})


def test_help_of_a_study_shows_the_values_of_a_named_config(capsys):
    assert main(["study", "--study", "linear_systems", "linear_systems", "--help"]) == 0
    assert "runs/studies/linear_systems" in capsys.readouterr().out


def test_a_file_comes_before_a_packaged_config():
    Path("half_cheetah").write_text("task: {id: Swimmer-v5}", encoding="utf-8")
    assert make_config("half_cheetah", {}).task.id == "Swimmer-v5"
    Path("hopper").mkdir()
    assert make_config("hopper", {}).task.id == "Hopper-v5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "half_cheeta"], ["'half_cheeta'", "'half_cheetah'", "odes-rl list configs"]),
        (["train", "small"], ["another command: odes-rl compare small"]),
        (["fit", "digit"], ["'digits'", "--data.source digit"]),
        (["compare", "figure3"], ["'figure2'", "odes-rl list configs"]),
        (["study", "sort"], ["'sorting'", "odes-rl list configs"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_an_unknown_name_is_one_line_with_those_that_are_known(arguments, words, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert all(word in told for word in words), told
    assert not list(Path().iterdir())


def test_python_takes_a_name_or_a_path_which_its_options_override():
    expected = load_config(ROOT / "configs/swimmer_linear.yaml", {"run.directory": "x", "run.generations": 7})
    for task in ("swimmer_linear", str(ROOT / "configs/swimmer_linear.yaml")):
        sections = {"task": task, "policy": None, "strategy": None, "rollouts": None, "run": {"generations": 7}}
        assert _configure(sections, {}, "x", Path("temporary")) == expected


def test_python_takes_another_policy_over_a_config():
    sections = {"task": "hopper", "policy": "linear", "strategy": {"sigma": 0.5}, "rollouts": None, "run": None}
    config = _configure(sections, {"max_steps": 9}, None, Path("temporary"))
    assert (config.policy.name, config.strategy.sigma, config.task.max_steps) == ("linear", 0.5, 9)
    assert config.task.alive_bonus_shift == 1.0
    assert config.run.directory == "temporary"


def test_python_tells_a_config_of_another_command():
    with pytest.raises(UserError, match="odes-rl compare small"):
        _configure({"task": "small"}, {}, None, Path("temporary"))


def test_a_wheel_carries_them(installed, tmp_path):
    listed = installed.run(tmp_path, "list", "configs").splitlines()
    assert {line.split()[0] for line in listed} == {*paths(), "odes-rl"}
    shown = installed.run(tmp_path, "train", "half_cheetah", "--help")
    assert "runs/half_cheetah" in shown


def test_commands_with_a_config_are_those_with_packaged_ones():
    taking = {name for name, command in COMMANDS.items() if "config" in command.model.model_fields}
    assert taking == {config.command for config in packaged_configs().values()}
