"""Completion in a real shell."""

import subprocess
from contextlib import redirect_stdout

import pytest

from odes_rl.cli.program import COMMANDS, main
from odes_rl.pretrained.names import PREFIX, pretrained_names

CALL = """
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_odes_rl odes-rl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
complete -p odes-rl
"""
"""What bash does when a word is to be completed, the last of its arguments."""
CASES = [
    ([""], [*COMMANDS, "--help", "--version", "--print-completion"]),
    (["tr"], ["train"]),
    (["--v"], ["--version"]),
    (["--print-completion", ""], ["bash", "zsh"]),
    (["evaluate", "runs/x", "--ch"], ["--checkpoint"]),
    (["evaluate", "runs/x", "--checkpoint", ""], ["best", "latest"]),
    (["evaluate", "runs/x", "--video", ""], []),
    (["compare", "x.yaml", "--dry-run", "--rep"], ["--report-only"]),
    (["train", "x.yaml", "--run.env"], ["--run.env-steps"]),
    (["train", "--task.id", "Pend"], ["Pendulum-v1"]),
    (["train", "--policy.name", "ode"], ["ode_to_ode"]),
    (["train", "--policy.hidden", ""], []),
    (["train", "half"], ["half_cheetah"]),
    (["train", "configs/"], []),
    (["study", "sor"], ["sorting"]),
    (["resume", "runs/x", "--run.ep"], ["--run.epochs"]),
    (["resume", "runs/x", "--task"], []),
    (["fit", "--model.name", "nano"], ["nanode"]),
    (["study", "--study", "theo"], ["theorem1"]),
    (["list", "ta"], ["tasks"]),
    (["evaluate", "pre"], pretrained_names()),
    (["inspect", "pretrained:HalfCheetah-v5/o"], [f"{PREFIX}HalfCheetah-v5/ode_to_ode"]),
    (["export", "pretrained", ":", "HalfCheetah-v5/o"], ["HalfCheetah-v5/ode_to_ode"]),
    (["export", "pretrained", ""], [name.removeprefix(PREFIX) for name in pretrained_names()]),
    (["evaluate", "runs/"], []),
    (["plot", "pre"], []),
]


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "completion.sh"
    with path.open("w") as file, redirect_stdout(file):
        assert main(["--print-completion", "bash"]) == 0
    return path


@pytest.mark.parametrize(("words", "expected"), CASES, ids=lambda words: " ".join(words)[:40])
def test_bash_completes(script, words, expected):
    command = ["bash", "-c", f"source {script}\n{CALL}", "bash", "odes-rl", *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    *completed, registered = told.stdout.splitlines()
    assert [word for word in completed if word] == expected
    assert registered == "complete -o default -F _odes_rl odes-rl"  # files, where there is nothing


def test_zsh_has_the_same_script_below_its_own_beginning(capsys):
    assert main(["--print-completion", "zsh"]) == 0
    assert "bashcompinit" in capsys.readouterr().out.splitlines()[0]


def test_another_shell_is_a_mistake(capsys):
    assert main(["--print-completion", "fish"]) == 2
    assert "unknown shell 'fish': valid are bash, zsh" in capsys.readouterr().err
