"""The pages show the files that they speak of, their examples do what is said; the reference is whole."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import odes_rl
from odes_rl.cli.program import COMMANDS
from odes_rl.config.layering import FITTING, TRAINING, section_class
from odes_rl.manifolds import MANIFOLDS
from odes_rl.policies import POLICIES
from odes_rl.supervised.models import MODELS
from tests.snippets import blocks

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "examples/plugin"


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = spec_from_file_location("hooks", DOCS / "hooks.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def place(name: str) -> Path:
    return (EXAMPLE.parents[1] if name.startswith("configs/") else EXAMPLE) / name


def test_the_pages_show_files_of_the_example_package_and_configs_as_they_are():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    shown = re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```$', pages, re.DOTALL | re.MULTILINE)
    assert dict(shown) == {name: place(name).read_text(encoding="utf-8") for name, _ in shown}
    files = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*.py")} - {"odes_rl_example/__init__.py"}
    assert {name for name, _ in shown if not name.startswith("configs/")} == {"pyproject.toml", *files}


def test_the_optimiser_on_manifolds_finds_the_largest_plane(capsys):
    namespace: dict[str, Any] = {"__name__": "examples"}
    exec(next(block.text for block in blocks("docs/manifolds.md") if "riemannian" in block.text), namespace)
    value, violation = map(float, capsys.readouterr().out.split())
    assert value == pytest.approx(-15, abs=1e-3)
    assert violation < 1e-6


def test_the_page_on_manifolds_has_every_one():
    page = (DOCS / "manifolds.md").read_text(encoding="utf-8")
    public = {kind.__name__ for kind in MANIFOLDS.values()} & set(odes_rl.__all__)
    assert public
    assert not [name for name in public if f"| `{name}(" not in page]


def test_the_reference_holds_every_option(hooks):
    page = hooks.on_page_markdown((DOCS / "configuration.md").read_text(encoding="utf-8"))
    assert "{{" not in page
    assert not [option for option in options_of(TRAINING, "linear", POLICIES) if f"| `{option}` |" not in page]
    names = "`tensorboard` or `wandb` or `mlflow` or `module:object`"
    assert f"| `run.loggers` | list of: {names} | `[tensorboard]` |" in page


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
    policies = [family.config for family in POLICIES.values()]
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
    row = next(row for row in rows if "`strategy.scale_rate`" in row)
    assert row.startswith(
        "| `strategy.scale_rate` | number, > 0 | `0.1` | Learning rate of the scales, for `sigma_per_leaf"
    )


def test_pages_name_commands_that_exist():
    pages = {path.name: path.read_text(encoding="utf-8") for path in [*DOCS.glob("*.md"), ROOT / "README.md"]}
    for name, page in pages.items():
        unknown = set(re.findall(r"odes-rl ([a-z]+)", page)) - set(COMMANDS)
        assert not unknown, name


def test_pages_write_options_as_the_help_does():
    pages = {path.name: path.read_text(encoding="utf-8") for path in [*DOCS.glob("*.md"), ROOT / "README.md"]}
    underscored = r"--(?!xla_)[a-z.-]+_[\w.]*"  # XLA's own flags have underscores
    assert not {name: found for name, page in pages.items() if (found := re.findall(underscored, page))}


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not (ROOT / link).is_file()]
