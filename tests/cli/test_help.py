"""Whatever a help shows is read in the syntax that it shows: options of commands, of sections and of studies."""

import re
from pathlib import Path
from typing import Any

import pytest

from odes_rl.cli.arguments import flags, parse_command, split_arguments
from odes_rl.cli.program import COMMANDS, main
from odes_rl.cli.study import load_study
from odes_rl.cli.train import LISTS
from odes_rl.config.layering import FITTING, TRAINING, layer_values
from odes_rl.errors import UserError

CONFIGS = Path(__file__).parents[2] / "studies/configs"
STUDIES = sorted(CONFIGS.glob("*.yaml"))
VALUES = {"INT": "40", "FLOAT": "0.5", "STR": "x"}
MAPPING = "{NAME: VALUE, ...}"
SHOWN = re.compile(r"(?<!\S)(--[\w.-]+) ((?:(?:\{[^}]*\}|INT|FLOAT|STR|\[\.\.\.\])[ |]*)+)")


def shown_options(text: str) -> list[tuple[str, str]]:
    """Each option in a help, and how its value is written, as in `INT INT [...]` or `{a,b}`."""
    inside = " ".join(line.strip("│ ") for line in text.splitlines())
    return [(name, value.strip()) for name, value in SHOWN.findall(inside)]


def written(shown: str, choice: int) -> list[str]:
    """Words that are written as `shown`: the first choice of several, or the last; a list has two entries."""
    if shown == MAPPING:
        return ["{a: {}}"]
    entries = re.findall(r"\{[^}]*\}(?:\|\w+)?|\w+|\[\.\.\.\]", shown)
    if entries[-1] == "[...]":
        entries = entries[:-1] * 2
    return [_value(entry, choice) for entry in entries]


def _value(entry: str, choice: int) -> str:
    if entry == "{NAME: VALUE, ...}":
        return "{a: 1}"
    words = [word.strip() for word in entry.replace("}|", ",").strip("{}").split(",")]
    choices = [word for word in words if word != "MODULE:OBJECT"]
    return VALUES.get(choices[choice], choices[choice])


def command_line(text: str, choice: int) -> list[str]:
    return [word for name, value in shown_options(text) for word in (name, *written(value, choice))]


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")


@pytest.mark.parametrize("choice", [0, -1])
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_reads_every_option_as_its_help_shows_it(path, choice, capsys):
    assert main(["study", str(path), "--help"]) == 0
    words = command_line(capsys.readouterr().out, choice)
    options = [word.removeprefix("--").replace("-", "_") for word in words if word.startswith("--")]
    assert set(options) == {*type(load_study(str(path), {})).model_fields, "overwrite"}
    assert main(["study", str(path), *words, "--help"]) == 0
    assert main(["study", *words, str(path), "--help"]) == 0
    assert "--seed INT" in capsys.readouterr().out


NEEDED = {
    "task": {"id": "Swimmer-v5"},
    "strategy": {"population": 2, "learning_rate": 0.01, "shaping": "standardised"},
    "run": {"env_steps": 10**9, "generations": 1000},
}
"""With which each option may have any value, but for those below."""
NEEDED_BY = {"--run.initial-checkpoint": {"run": {"initial": "runs/first"}}}


@pytest.mark.parametrize("name", ["train", "fit", "resume", "compare", "search"])
def test_every_option_of_a_section_is_read_as_the_help_shows_it(name, capsys):
    assert main([name, "--help"]) == 0
    dotted = [(option, value) for option, value in shown_options(capsys.readouterr().out) if "." in option]
    assert len(dotted) > 5
    kind: Any = FITTING if name == "fit" else TRAINING
    for option, value in dotted:
        needed = {} if name == "fit" else NEEDED | NEEDED_BY.get(option, {})
        for choice in (0, -1):
            _, options = split_arguments([option, *written(value, choice)], (), LISTS)
            assert layer_values(needed, options, default_directory="x", kind=kind)


def test_the_help_of_a_comparison_has_the_sections_of_its_runs(capsys):
    for name, sections in (("small", TRAINING.config.model_fields), ("table1_small", FITTING.config.model_fields)):
        assert main(["compare", name, "--help"]) == 0
        dotted = {option.split(".")[0].removeprefix("--") for option, _ in shown_options(capsys.readouterr().out)}
        assert set(sections) <= dotted
        assert ("strategy" in dotted) == ("strategy" in sections)
    assert main(["compare", "small", "--help", "--policy.width", "3"]) == 0  # an option of some of its policies


@pytest.mark.parametrize("choice", [0, -1])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_own_options_are_read_as_its_help_shows_them(name, choice, capsys):
    assert main([name, "--help"]) == 0
    shown = [(option, value) for option, value in shown_options(capsys.readouterr().out) if "." not in option]
    model = COMMANDS[name].model
    required = ["x" if name != "list" else "policies" for field in model.model_fields.values() if field.is_required()]
    for option, value in shown:
        words = [option, *written(value, choice)]
        for line in ([*required, *words], [*words, *required]):
            command = parse_command(model, *split_arguments(line, flags(model)))
            assert command is not None


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--depth_start", "0", "1"], (0, 1)),
        (["--depth_start", "-1", "-0.5"], (-1, -0.5)),
        (["--depth-start=[0, 1]"], (0, 1)),
        (["--depth_start", "[0, 1]"], (0, 1)),
    ],
)
def test_values_of_a_list_are_words_or_one_list(words, value):
    path = str(CONFIGS / "reflection.yaml")
    _, options = split_arguments([path, *words], (), {"depth_start"})
    config: Any = load_study(path, options)
    assert config.depth_start == value


def test_a_list_that_begins_with_a_number_ends_with_the_last_one():
    words, options = split_arguments(["--model.kernels", "1", "3", "1", "cifar10_table1"], (), LISTS)
    assert words == ["cifar10_table1"]
    values = {"data": {"source": "x.npz"}, "model": {"name": "image_flow"}}
    config: Any = layer_values(values, options, default_directory="x", kind=FITTING)
    assert config.model.kernels == (1, 3, 1)


def test_pairs_are_taken_in_turn_and_one_value_is_a_list_of_one():
    path = str(CONFIGS / "householder.yaml")
    _, options = split_arguments(["--sizes", "4", "3", "8", "5", "--learning_rates", "0.1"], (), {"sizes"})
    config: Any = load_study(path, options)
    assert (config.sizes, config.learning_rates) == (((4, 3), (8, 5)), (0.1,))


@pytest.mark.parametrize(
    ("study", "options", "message"),
    [
        ("reflection", {"depth_start": "[0, 1"}, "which is not a list"),
        ("reflection", {"models": "[]"}, "models is [], but must be at least one value"),
        ("reflection", {"models": "neural"}, "did you mean 'neural ODE'?"),
        ("linear_systems", {"systems": "[]"}, "systems is [], but must be at least one value"),
        ("reflection", {"depth_start": "[1, 2, 3]"}, "no more than 2 values"),
    ],
)
def test_a_mistake_in_a_list_is_told(study, options, message):
    with pytest.raises(UserError) as told:
        load_study(str(CONFIGS / f"{study}.yaml"), options)
    assert message in str(told.value)
    assert "Tuple" not in str(told.value)
