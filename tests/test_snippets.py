"""The snippets of README and docs run as a newcomer types them: with the installed wheel, outside the repository.

Runs are made tiny. Pages that tell what was measured have commands that take hours: they are read, with their configs
and options, and not run. What needs a clone, as `scripts/` does, has tests of its own.
"""

import ctypes.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from odes_rl.cli.program import COMMANDS
from odes_rl.config.layering import load_config
from tests.comparisons import write_comparison
from tests.snippets import ROOT, Step, blocks, commands, shell_steps

RUN = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "tutorial",
            "python",
            "export",
            "fitness",
            "manifolds",
            "extending",
            "supervised",
            "videos",
            "loggers",
        )
    ),
]
READ = [
    f"docs/{name}.md"
    for name in (
        *("accelerators", "benchmark", "cluster", "compare", "environments", "mathematics", "performance"),
        *("pretrained", "results", "search", "studies"),
    )
]
PAGES = ["README.md", *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md")))]
SMALL = {
    "strategy.population": 2,
    "run.generations": 2,
    "run.restart_generations": 1,
    "run.evaluation_episodes": 1,
    "rollouts.backend": "serial",
}
CONFIGS = {
    "train": "{task: {id: Pendulum-v1, max_steps: 3}, policy: {hidden: 4, steps: 2}}",
    "fit": "{model: {width: 4, steps: 2}}",
    "study": "{study: orthogonality, hidden: 3}",
    "search": "{base: {task: {id: Pendulum-v1, max_steps: 3}, policy: {name: linear}, strategy: {population: 2}, "
    "rollouts: {backend: serial}}, env_steps: 12, trials: 1, space: {strategy.sigma: {low: 0.1, high: 0.2}}}",
}
"""Tiny ones, which stand for those that commands name."""
WHERE = "import odes_rl, sys; print(odes_rl.__file__, *sys.path, sep='\\n')"
SMALLER = f"""
from odes_rl.front import launching
gathered, asked = launching.gathered, []
def smaller(sections, options):
    values, overrides = gathered(sections, options)
    asked.append(values)
    return values, {{**overrides, **{SMALL}}}
launching.gathered = smaller
"""
"""Makes the runs of `odes_rl.train` small, and keeps what was asked for."""
ASKED = "launching.gathered = gathered; print(len(asked)); assert all(v['run']['generations'] > 2 for v in asked)"


def tiny(words: list[str]) -> list[str]:
    """The command with options that make it short; later ones count."""
    if "--help" in words:
        return words
    if "--video" in words and not ctypes.util.find_library("EGL"):
        return words[: words.index("--video")]
    if words[0] == "train":
        steps = [] if words[1].endswith(".yaml") else ["--task.max_steps", "3"]
        return [*words, *steps, *(part for name, value in SMALL.items() for part in (f"--{name}", str(value)))]
    if words[0] == "fit":
        return [*words, "--run.epochs", "1"]
    if words[0] == "resume":
        return [*words, "--run.epochs" if "--run.epochs" in words else "--run.generations", "3"]
    return words


def write_config(words: list[str], here: Path) -> None:
    """Write a tiny config to `here` under the name that the command gives, where that lies in a folder `configs`."""
    path = here / words[1] if words[1:] and "configs/" in words[1] else None
    if path is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if words[0] == "compare":
        write_comparison(path, env_steps=100, policies={"autonomous": None})
    else:
        path.write_text(CONFIGS[words[0]], encoding="utf-8")


def steps_of(page: str, here: Path) -> Iterator[Step]:
    """The steps of a page, in the directory `here`, where its files are written; nothing is typed twice."""
    yield "here", str(here)
    yield "python", SMALLER
    typed: list[Step] = []
    for block in blocks(page):
        if block.file:
            (here / block.file).write_text(block.text, encoding="utf-8")
            continue
        steps: list[Step] = [("python", block.text)] if block.language == "python" else list(shell_steps(block))
        for kind, step in steps:
            if kind == "odes-rl":
                write_config(step, here)
            if (kind, step) not in typed:
                yield kind, tiny(step) if kind == "odes-rl" else step
            typed.append((kind, step))
    yield "python", ASKED


@pytest.fixture(scope="module")
def answers(installed, tmp_path_factory) -> dict[str, list[Any]]:
    """The steps of each page, each with its exit status and what it printed; all pages in one process."""
    steps: dict[str, list[Step]] = {"": [("python", WHERE)]}
    for page in RUN:
        steps[page] = list(steps_of(page, tmp_path_factory.mktemp(Path(page).stem)))
    clone = tmp_path_factory.mktemp("clone")
    for folder in ("configs", "studies/configs"):
        shutil.copytree(ROOT / folder, clone / folder)
    for page in READ:
        steps[page] = [("here", str(clone)), *(("odes-rl", [*words, "--help"]) for words in commands(page))]
    told = iter(installed.steps(clone, [step for page in steps.values() for step in page]))
    return {page: [(step, *answer) for step, answer in zip(asked, told, strict=False)] for page, asked in steps.items()}


def directory(page: str, answers: dict[str, list[Any]]) -> Path:
    """Where the page's steps were taken."""
    (_, here), *_ = answers[page][0]
    return Path(here)


def test_the_program_is_the_wheels_and_the_repository_is_not_searched(answers, installed):
    ((_, _, printed),) = answers[""]
    home, *searched = printed.splitlines()
    assert installed.directory in Path(home).parents
    assert not [path for path in searched if path and Path(path) in (ROOT, ROOT / "tests", ROOT / "examples/plugin")]


@pytest.mark.parametrize("page", [*RUN, *READ])
def test_the_snippets_of_a_page_run(page, answers):
    for step, status, printed in answers[page]:
        assert status == 0, (step, printed)
    assert len(answers[page]) > 1


@pytest.mark.parametrize(
    ("page", "runs"), [("docs/python.md", ["steering", "swing_up"]), ("README.md", ["pendulum", "hc3"])]
)
def test_they_leave_the_runs_that_they_name(page, runs, answers):
    here = directory(page, answers)
    assert [run for run in runs if (here / "runs" / run / "metrics.jsonl").is_file()] == runs
    calls = sum(block.text.count("odes_rl.train(") for block in blocks(page) if block.language == "python")
    assert int(answers[page][-1][2]) == calls > 0


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_they_leave_the_curves_that_they_name(page, answers):
    assert {"curves.png", "curves.pdf"} <= {path.name for path in directory(page, answers).iterdir()}


def test_every_page_with_snippets_is_run_or_read():
    with_python = {page for page in PAGES if "python" in [block.language for block in blocks(page)]}
    assert with_python <= {*RUN}
    assert {page for page in PAGES if commands(page)} <= {*RUN, *READ}


def test_scripts_that_a_page_names_are_there():
    named = {name for page in PAGES for block in blocks(page) for name in re.findall(r"scripts/[\w/.]+", block.text)}
    assert named
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_the_readmes_commands_are_all_there_are():
    assert {words[0] for words in commands("README.md")} == set(COMMANDS)


def test_the_tutorials_config_is_one(tmp_path):
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    path = tmp_path / "mine.yaml"
    path.write_text(config, encoding="utf-8")
    assert load_config(path).run.generations == 300
