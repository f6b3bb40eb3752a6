"""A look into fitted models: what is told and drawn is what was found, of real runs."""

import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.inspection.fitted import look_into_fit
from odes_rl.inspection.fitted_picture import draw_fitted
from odes_rl.supervised.models import Model
from odes_rl.training.fit import restore_fit
from tests.made_runs import fit_run

PLAIN = {"model__name": "dense", "model__steps": None}
PLAINEST = ["dense", "ode_to_ode", "nanode", "uncon_res_net"]
VARIANTS = {
    **{name: {"model__name": name} for name in PLAINEST},
    "dense": PLAIN | {"model__depth": 4},
    "dense relu": PLAIN | {"model__depth": 3, "model__activation": "relu"},
    "ode_to_ode isospectral": {"model__flow": "isospectral"},
    "ode_to_ode of one step": {"model__steps": 1},
    "con_res_net of one step": {"model__name": "con_res_net", "model__steps": 1},
}
PANELS = [
    "norm of hidden states",
    "gradients of the loss through depth",
    "sensitivity to x(0) of one example",
    "distance of W from O(h)",
]


@pytest.fixture(scope="module", params=VARIANTS)
def inspected(request, tmp_path_factory):
    options = VARIANTS[request.param] | {"run__epochs": 2, "data__corrupted": True}
    run, progress = fit_run(tmp_path_factory.mktemp("fitted") / "run", **options)
    return request.param, run, progress, look_into_fit(run)


def test_it_is_the_model_of_the_latest_checkpoint_on_all_test_digits(inspected):
    name, run, progress, found = inspected
    fitting, state = restore_fit(run)
    assert found.title == f"{name.split()[0]} on digits, epoch 2"
    assert list(fitting.evaluated) == ["test"]
    images, labels = fitting.evaluated["test"]
    assert isinstance(fitting.model, Model)
    assert fitting.model.layers
    layers = fitting.model.layers(progress.state.params)
    depth = len(layers.weights)
    assert found.depth.states.shape == (depth + 1, len(labels), 12)
    logits = found.depth.states[-1] @ np.asarray(layers.output["weight"]).T + np.asarray(layers.output["bias"])
    expected = fitting.model.apply(state.params, images / jnp.float32(255), None)
    order = np.random.default_rng(0).permutation(len(labels))
    np.testing.assert_allclose(logits, np.asarray(expected)[order], rtol=1e-4, atol=1e-4)


def test_orthogonal_weights_keep_their_promises(inspected):
    name, _, _, found = inspected
    if not name.startswith("ode_to_ode"):
        assert found.weights.distance.min() > 1e-3
        return
    assert found.weights.distance.max() < 1e-5
    low, high = (bound[:, None] for bound in found.bounds)
    assert (low - 1e-4 <= found.depth.ratios).all()
    assert (found.depth.ratios <= high + 1e-4).all()
    assert (found.weights.bracket is not None) == ("isospectral" in name)
    if found.weights.bracket:
        eigenvalues, traces = found.weights.bracket
        np.testing.assert_allclose(eigenvalues, np.repeat(eigenvalues[:1], 6, axis=0), atol=1e-5)
        assert (np.diff(traces) > 0).all()


def drawn(lines):
    return [np.asarray(line.get_ydata()) for line in lines]


def test_the_picture_has_its_panels_and_their_lines_are_the_data(inspected):
    name, _, _, found = inspected
    panels = {axes.get_title(): axes for axes in draw_fitted(found).axes}
    spectrum = ["spectrum of H = WᵀQW (constant)", "tr(HN) (increasing)"]
    assert list(panels) == PANELS + (spectrum if "isospectral" in name else ["singular values of W"])
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in panels.values())
    norms, gradients, sensitivities, distance = (drawn(panels[title].lines) for title in PANELS)
    np.testing.assert_allclose(norms[0], np.median(np.linalg.norm(found.depth.states, axis=-1), axis=1))
    np.testing.assert_allclose(gradients[0], np.median(found.depth.ratios, axis=1))
    np.testing.assert_allclose(np.transpose(sensitivities[:12]), found.depth.sensitivities)
    np.testing.assert_allclose(distance[0], found.weights.distance)
    bounds = found.bounds or ()
    np.testing.assert_allclose(gradients[1:], bounds)
    np.testing.assert_allclose(sensitivities[12:], [bound[::-1] for bound in bounds])


@pytest.mark.filterwarnings("error")
def test_the_command_tells_and_draws(inspected, tmp_path, capsys):
    name, run, _, found = inspected
    options = ["--output", str(tmp_path / "inside"), "--checkpoint", "latest"]
    assert main(["inspect", str(run.path), *options]) == 0
    told = capsys.readouterr().out
    assert f"{found.title}: 355 test examples" in told
    assert ("of 355 examples inside the bounds" in told) == (not name.startswith(("dense", "uncon", "con")))
    assert ("355 of 355 examples inside" in told) or not name.startswith("ode_to_ode")
    assert ("tr(HN) from" in told) == ("isospectral" in name)
    assert (tmp_path / "inside.pdf").stat().st_size > 1000
    picture = matplotlib.image.imread(tmp_path / "inside.png")
    assert picture.shape[1] == 2220
    assert picture.std() > 0.05


def test_the_seed_draws_the_examples(inspected):
    _, run, _, found = inspected
    other = look_into_fit(run, seed=1)
    all_found, all_other = (np.sort(each.depth.states[0], axis=0) for each in (found, other))
    np.testing.assert_allclose(all_found, all_other)
    assert np.abs(other.depth.states[0, 0] - found.depth.states[0, 0]).max() > 1e-3


def test_without_output_it_is_drawn_in_the_run_directory(tmp_path, capsys):
    run, _ = fit_run(tmp_path / "run", run__epochs=1)
    assert main(["inspect", str(run.path)]) == 0
    assert (run.path / "inspection.png").is_file()
    assert str(run.path / "inspection.pdf") in capsys.readouterr().out


MISTAKES = {
    "no depth": (PLAIN, [], "the model dense with one hidden layer has no depth"),
    "a network in each step": ({"model__name": "base_ode"}, [], "base_ode has no layers with one matrix each"),
    "no best checkpoint": ({}, ["--checkpoint", "best"], "leave --checkpoint out"),
    "diverged": ({"optimizer__learning_rate": 1e30}, [], "are not finite"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(mistake, tmp_path, capsys):
    options, arguments, words = MISTAKES[mistake]
    run, _ = fit_run(tmp_path / "run", run__epochs=1, **options)
    assert main(["inspect", str(run.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
