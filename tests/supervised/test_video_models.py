"""Models of videos: the terms of their bound, what they see when they predict, and their three forms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from odes_rl.continuous.gaussian import Gaussian, divergence, sample
from odes_rl.errors import UserError
from odes_rl.supervised import OptimizerConfig, Point, make_learner, moving_digits
from odes_rl.supervised.models import MODELS, make_model, make_video_model, model_config_class

NAMES = [name for name in MODELS if MODELS.find(name).takes == "videos"]
TINY = {"width": 4, "seen": 2, "predicted": 3, "encoding": 8, "latent": 3, "recurrent": 12}
SHAPE = (8, 8, 1)
CLIP = moving_digits(np.full((1, 4, 4), 255, np.uint8), 0, np.arange(1), frames=5, side=8, digits=1)[..., None]


def configured(name, **options) -> Any:
    return model_config_class(name).model_validate(options)


def made(name, **options):
    return make_video_model(configured(name, **(TINY | options)), SHAPE)


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    found = made(request.param)
    return found, jax.jit(found.init)(jax.random.key(0))


def test_the_divergence_has_its_closed_form_and_is_a_mean_over_samples():
    keys = jax.random.split(jax.random.key(0), 4)
    one, other = (Gaussian(*jax.random.normal(k, (2, 6))) for k in keys[:2])
    (m, v), (n, w) = ((np.asarray(g.mean, float), np.exp(np.asarray(g.log_variance, float))) for g in (one, other))
    closed = 0.5 * (np.sum(v / w) + np.sum((n - m) ** 2 / w) - 6 + np.log(np.prod(w) / np.prod(v)))
    found = float(divergence(one, other))
    assert found == pytest.approx(closed, rel=1e-5)
    z = np.asarray(sample(keys[2], Gaussian(*(jnp.broadcast_to(array, (100_000, 6)) for array in one))), float)
    ratios = (norm.logpdf(z, m, v**0.5) - norm.logpdf(z, n, w**0.5)).sum(-1)
    assert found == pytest.approx(ratios.mean(), abs=5 * ratios.std() / len(z) ** 0.5)
    assert float(divergence(one, one)) == 0


def test_the_bound_is_put_together_of_its_terms(model):
    found, params = model
    videos = jnp.asarray(CLIP / np.float32(255))
    terms = jax.jit(found.terms)(params, videos, jax.random.key(3))
    assert terms.squared_error.shape == terms.divergence.shape == (4,)
    assert terms.divergence.min() > 0
    loss, measures = jax.jit(found.measure)(params, (videos,), jax.random.key(3))
    assert loss == pytest.approx(float(jnp.sum(terms.squared_error) + found.beta * jnp.sum(terms.divergence)), rel=1e-5)
    assert measures["negative_elbo"] == pytest.approx(float(loss) / 4, rel=1e-5)
    assert measures["divergence"] == pytest.approx(float(terms.divergence.mean()), rel=1e-5)


def test_a_frame_is_reconstructed_from_earlier_ones_and_its_latent_variable(model):
    found, params = model
    videos = jnp.asarray(CLIP / np.float32(255))
    changed = videos.at[:, 3].set(1 - videos[:, 3])  # beyond those whose blocks the decoder sees
    before, after = (jax.jit(found.terms)(params, v, jax.random.key(0)) for v in (videos, changed))
    np.testing.assert_allclose(before.squared_error[:2], after.squared_error[:2], rtol=1e-5)
    np.testing.assert_allclose(before.divergence[:2], after.divergence[:2], rtol=1e-5)
    assert np.all(before.divergence[2:] != after.divergence[2:])


def test_predictions_are_frames_that_depend_on_the_key(model):
    found, params = model
    seen = jnp.asarray(CLIP[:, :2] / np.float32(255))
    predict = jax.jit(found.predict, static_argnums=2)
    one, same, other = (predict(params, seen, 4, jax.random.key(k)) for k in (0, 0, 1))
    assert one.shape == (1, 4, *SHAPE)
    assert 0 < one.min() < one.max() < 1
    np.testing.assert_array_equal(one, same)
    assert np.all(np.abs(one - other).max((2, 3, 4)) > 0)
    assert predict(params, seen[:, :1], 2, jax.random.key(0)).shape == (1, 2, *SHAPE)


def test_a_nanode_of_degree_0_is_the_autonomous_form():
    nanode, auto = made("video_nanode", degree=0), made("video_auto")
    params = jax.jit(auto.init)(jax.random.key(1))

    def renamed(block):
        flow = [part | {"kernels": {"coefficients": part["kernels"]["W"][:, None]}} for part in block["rest"]]
        return block | {"rest": flow}

    halves = {k: params[k] | {"blocks": list(map(renamed, params[k]["blocks"]))} for k in ("encoder", "decoder")}
    videos = jnp.asarray(CLIP / np.float32(255))

    def with_gradient(model, params):
        return jax.jit(jax.value_and_grad(lambda p: model.measure(p, (videos,), None)[0]))(params)

    expected, of_auto = with_gradient(auto, params)
    found, of_nanode = with_gradient(nanode, params | halves)
    assert found == pytest.approx(float(expected), rel=1e-6)
    for one, other in zip(jax.tree.leaves(of_nanode), jax.tree.leaves(of_auto), strict=True):
        np.testing.assert_allclose(one.reshape(other.shape), other, atol=1e-6)


def overfit_one_clip(name):
    """The last loss in units of the first, and the squared error of a prediction in units of the variance."""
    found = made(name)
    params = jax.jit(found.init)(jax.random.key(0))
    learner = make_learner(OptimizerConfig(), found)
    state = learner.init(jax.random.key(0), params)

    def steps(point, keys):
        return jax.lax.scan(lambda p, k: learner.step(p, (jnp.asarray(CLIP),), k, jnp.float32(0.01)), point, keys)

    point, measured = jax.jit(steps)(Point(params, state.optimizer), jax.random.split(jax.random.key(1), 120))
    seen, true = CLIP[:, :2] / np.float32(255), CLIP[:, 2:] / np.float32(255)
    predicted = jax.jit(found.predict, static_argnums=2)(point.params, seen, 3, jax.random.key(0))
    return measured.loss[-1] / measured.loss[0], np.mean((predicted - true) ** 2) / true.var()


def test_a_nanode_overfits_one_clip():
    loss, error = overfit_one_clip("video_nanode")
    assert loss < 0.1
    assert error < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "video_nanode"])
def test_the_others_overfit_one_clip(name):
    loss, error = overfit_one_clip(name)
    assert loss < 0.1
    assert error < 0.3


def test_mistakes_are_told():
    with pytest.raises(UserError, match=r"frames are 12 × 12, but .* squares .* power of two, 8 .*give data.side such"):
        make_video_model(configured("video_svg"), (12, 12, 1))
    with pytest.raises(UserError, match="video_svg is a model of videos"):
        make_model(configured("video_svg"), (8, 8, 1), 10)
