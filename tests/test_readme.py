"""Every command of the README and of the tutorial runs, in their order, on a tiny config of the same name."""

import re
import shlex
from pathlib import Path

import pytest

from odes_rl.cli.program import main
from odes_rl.config.layering import load_config
from tests.comparisons import write_comparison

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs/tutorial.md"
TINY = """
task: {id: HalfCheetah-v5, max_steps: 3}
policy: {hidden: 4, steps: 2}
strategy: {population: 2}
rollouts: {backend: serial}
run: {generations: 2, evaluation_episodes: 1, evaluate_every: 1000, checkpoint_every: 1000}
"""
TINY_FIT = "{model: {width: 4, steps: 2}, run: {epochs: 1}}"


def commands(page: Path) -> list[list[str]]:
    """The arguments of each line of the page's shell blocks that calls `odes-rl`."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["odes-rl"]]


def expand(word: str) -> list[str]:
    """What a shell makes of a word with a star in it."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


@pytest.mark.parametrize("page", [ROOT / "README.md", TUTORIAL], ids=lambda page: page.name)
def test_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = commands(page)
    assert {words[0] for words in listed} >= {"train", "resume", "evaluate", "plot"}
    for words in listed:
        if words[0] == "train":
            Path(words[1]).parent.mkdir(exist_ok=True)
            Path(words[1]).write_text(TINY, encoding="utf-8")
        if words[0] == "fit":
            Path(words[1]).parent.mkdir(exist_ok=True)
            Path(words[1]).write_text(TINY_FIT, encoding="utf-8")
        if words[0] == "study":
            Path(words[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(words[1]).write_text("{study: linear_systems, systems: [sink], steps: 10}", encoding="utf-8")
        if words[0] == "compare":
            Path(words[1]).parent.mkdir(exist_ok=True)
            write_comparison(Path(words[1]), env_steps=100, policies={"autonomous": None})
        assert main([part for word in words for part in expand(word)]) == 0, words
    assert Path("curves.png").is_file()
    assert Path("curves.pdf").is_file()


def test_the_readmes_commands_are_all_there_are():
    assert {words[0] for words in commands(ROOT / "README.md")} == {
        "train",
        "resume",
        "evaluate",
        "inspect",
        "plot",
        "compare",
        "fit",
        "study",
        "list",
    }


def test_the_tutorials_config_is_one(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path).run.generations == 300
