"""An evolution strategy on any pytree, made of values. Fitness is maximised."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh

from odes_rl.es import checks
from odes_rl.es.candidates import perturbed
from odes_rl.es.perturbations import Perturbations, direction_weights, gaussian, group_sums
from odes_rl.es.population import gathered, group_count
from odes_rl.es.scales import (
    Adaptation,
    adapted,
    check_adaptation,
    direction_utilities,
    first_scales,
    scaled_step,
    with_scaled_penalties,
)
from odes_rl.es.shaping import Shaping, replace_failed, standardised
from odes_rl.es.state import Estimate, StrategyState, UpdateInfo
from odes_rl.manifolds import Euclidean, apply_updates, riemannian, tree_ambient, tree_to_tangent, tree_violation

Params = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class RiemannianES:
    """An evolution strategy: ask for candidates, tell their fitness. **Fitness is maximised**: tell −loss to minimise.

    ```python
    import jax
    import jax.numpy as jnp
    import optax

    import odes_rl


    def fitness(x):
        return -jnp.sum((x - 3) ** 2)


    es = odes_rl.RiemannianES(population=32, sigma=0.1, optimizer=optax.adam(0.1))


    @jax.jit
    def generation(state):
        candidates = es.ask(state)  # [32, 5]
        return es.tell(state, jax.vmap(fitness)(candidates))


    state = es.init(jax.random.key(0), jnp.zeros(5))
    for _ in range(150):
        state, info = generation(state)
    print(state.params)  # nearly 3
    ```

    Parameters are any pytree of floating-point arrays, of one dtype or several. `init`, `ask` and `tell` are pure: they
    work under `jax.jit`, under `jax.vmap` over keys and in `jax.lax.scan` over generations.

    A generation may have several rounds of C candidates: ask for each by its number, and tell the fitness of all.

    Each candidate is the parameters moved along ±σε, for standard normal ε. The gradient estimate Σ uε / Cσ, over
    utilities u, goes through a `riemannian` optimiser (Choromanski et al. 2020, §4.2, equations 7-9; with Euclidean
    leaves alone it is the strategy of Salimans et al. 2017).

    Attributes:
        population: C, the number of candidates in a round, of which a generation has one or more; even if antithetic.
        sigma: standard deviation of a perturbation's entries: a number, or an optax schedule of the generation.
        optimizer: any optax transformation, learning rate included; `riemannian` wraps it and turns the sign. Or a
            function of the manifolds, a tree like the parameters, that returns a transformation already wrapped:
            `lambda m: riemannian(optax.sgd(0.1), m, maximise=True, horizontal=False)`. Its `update` is passed
            `generation=`, as an extra argument.
        manifolds: one for all leaves, or a pytree of them that mirrors the parameters; one in place of a subtree is
            for all leaves of it. A metric is the manifold's own, as `Stiefel(metric="embedded")`.
        shaping: from fitness to utilities, [P, signs] to [P, signs], a row for each direction, a column for each of
            its signs; works under jit. `odes_rl.shaping` has some. R rounds are shaped together, as [R · P, signs].
        perturbations: how directions are drawn. `odes_rl.perturbations` has some.
        adaptation: how the scales of the leaves are learned; None if they stay as `init` got them.
        antithetic: True if each direction is tried with both signs, so that P = C/2; else P = C.
        space: where candidates lie: on the manifold (`tangent`), or at θ + σε as it is (`ambient`).
        mesh: devices that share a generation, from `odes_rl.es.population.population_mesh`. The bits are those of one.

    Raises:
        UserError: if one of these is of the wrong kind, or does not suit another.
    """

    population: int
    sigma: float | jax.Array | Callable[[jax.Array], Any]
    optimizer: optax.GradientTransformation | Callable[[Any], optax.GradientTransformation]
    manifolds: Any = field(default_factory=Euclidean)
    shaping: Shaping = standardised
    perturbations: Perturbations = gaussian
    adaptation: Adaptation | None = None
    antithetic: bool = True
    space: Literal["tangent", "ambient"] = "tangent"
    mesh: Mesh | None = None

    def __post_init__(self) -> None:
        checks.check_population(self.population, self.antithetic)
        checks.check_sigma(self.sigma)
        checks.check_optimizer(self.optimizer)
        checks.check_shaping(self.shaping, (self._directions, self._signs))
        checks.check_perturbations(self.perturbations, self._directions, self.mesh)
        checks.check_space(self.space)
        check_adaptation(self.adaptation)

    def init(self, key: jax.Array, params: Params, scales: Any = None) -> StrategyState:
        """The state before the first generation, which starts from `params`.

        Args:
            key: of all noise, from `jax.random.key`.
            params: a pytree of arrays of floats.
            scales: one number, or one for each leaf (for a Euclidean leaf also one for each entry). A leaf is searched
                with the deviation sigma · scale. Steps are taken where all deviations are sigma, so that a scale
                counts twice in a step along the gradient, once in one of a given length.

        Raises:
            UserError: if the key is none, a leaf is no array of floats or not on its manifold, a scale is not above 0,
                or manifolds or scales do not mirror the parameters.
        """
        checks.check_key(key)
        params = checks.floating(params)
        manifolds = checks.mirrored(self.manifolds, params)
        scales = first_scales(scales, params, manifolds, self.adaptation)
        return StrategyState(params, self._optimizer(manifolds).init(params), jnp.zeros((), jnp.int32), key, scales)

    def ask(self, state: StrategyState, round: int | jax.Array = 0) -> Params:
        """The candidates of the next generation, leaves [C, …] of the parameters' dtypes; pairs stand side by side.

        Each `round` of the generation, counted from 0, has directions of its own.

        Raises:
            UserError: if `round` is no whole number, or below 0.
        """
        checks.check_round(round)
        spaces = checks.mirrored(self.manifolds, state.params)
        if self.space == "ambient":
            spaces = tree_ambient(spaces)
        signs = jnp.array([1.0, -1.0] if self.antithetic else [1.0], jnp.float32)
        signed = signs * self._sigma_at(state.generation)
        seeds, drawing = self._seeds(state, round), self._drawing(state)
        return perturbed(state.params, spaces, signed, seeds, drawing, self.mesh, state.scales)

    def tell(self, state: StrategyState, fitness: jax.Array) -> tuple[StrategyState, UpdateInfo]:
        """The state after a step towards greater fitness [C], or [R, C] of rounds 0 to R − 1, and diagnostics of it.

        The gradient estimate is the mean over all rounds: a step of a learning rate does not grow with their number.
        Fitness that is not finite counts as the worst finite one; if none is finite, or the step or where it leads is
        not, only the generation advances. Sums are taken in float32, unless fitness is wider.

        Raises:
            UserError: if there is not one number for each candidate that `ask` gave.
        """
        return self.step(state, self.estimate(state, fitness))

    def estimate(self, state: StrategyState, fitness: jax.Array) -> Estimate:
        """The first half of `tell`, all that depends on the number of rounds: compiled apart, `step` compiles once.

        Raises:
            UserError: as `tell`.
        """
        fitness = checks.told(fitness, self.population)
        rounds = len(fitness)
        seeds = self._seeds_of_rounds(state, rounds)
        fitness = _computed_once(fitness.reshape(-1))
        told = replace_failed(fitness).reshape(-1, self._signs)
        # Whole on each device: a compiler that splits a mean would sum it in another order.
        weights = direction_weights(gathered(self.mesh, self.shaping(told)), len(seeds))
        squares = None
        if self.adaptation is not None:
            ranks = gathered(self.mesh, direction_utilities(told))
            squares = self._sums(state, ranks / rounds, seeds, lambda rows: rows**2 - 1)
        return Estimate(self._sums(state, weights / rounds, seeds), squares, jnp.isfinite(fitness).any())

    def step(self, state: StrategyState, estimate: Estimate) -> tuple[StrategyState, UpdateInfo]:
        """The second half of `tell`: the state after a step along the estimate, and diagnostics of it."""
        manifolds = checks.mirrored(self.manifolds, state.params)
        gradient = with_scaled_penalties(state.scales, manifolds, state.params, self._gradient(state, estimate))
        optimizer = self._optimizer(manifolds)
        step, memory = optimizer.update(gradient, state.optimizer, state.params, generation=state.generation)
        step = scaled_step(state.scales, step)
        length, moved = optax.tree.norm(step), apply_updates(state.params, step)
        usable = estimate.usable & jnp.isfinite(length) & _still_finite(moved, state.params)
        after = (moved, memory, self._adapted(state, estimate))
        params, memory, scales = _where(usable, after, (state.params, state.optimizer, state.scales))
        info = UpdateInfo(
            gradient_norm=optax.tree.norm(tree_to_tangent(manifolds, state.params, gradient)),
            update_norm=jnp.where(usable, length, 0.0),
            manifold_violation=tree_violation(manifolds, params),
            sigma=self._sigma_at(state.generation),
        )
        return StrategyState(params, memory, state.generation + 1, state.key, scales), info

    @property
    def _directions(self) -> int:
        return self.population // 2 if self.antithetic else self.population

    @property
    def _signs(self) -> int:
        return 2 if self.antithetic else 1

    def _sigma_at(self, generation: jax.Array) -> jax.Array:
        return jnp.asarray(self.sigma(generation) if callable(self.sigma) else self.sigma, jnp.float32)

    def _optimizer(self, manifolds: Any) -> optax.GradientTransformationExtraArgs:
        if isinstance(self.optimizer, optax.GradientTransformation):
            return riemannian(self.optimizer, manifolds, maximise=True)
        return optax.with_extra_args_support(checks.made_optimizer(self.optimizer(manifolds)))

    def _sums(
        self,
        state: StrategyState,
        weights: jax.Array,
        seeds: jax.Array,
        function: Callable[[jax.Array], jax.Array] = lambda rows: rows,
    ) -> jax.Array:
        """[G, size] sums over each group of directions of `weights` times a `function` of their entries."""
        draw, groups = self._drawing(state), group_count(self._directions)
        return group_sums(weights, seeds, lambda seeds: function(draw(seeds)), _size(state.params), groups, self.mesh)

    def _gradient(self, state: StrategyState, estimate: Estimate) -> Params:
        """Euclidean gradient estimate Σ u ε / C σ, of the parameters' shapes; an ascent direction."""
        params, unravel = ravel_pytree(state.params)
        total = gathered(self.mesh, estimate.gradient).sum(axis=0)
        return unravel((total / (self.population * self._sigma_at(state.generation))).astype(params.dtype))

    def _adapted(self, state: StrategyState, estimate: Estimate) -> Any:
        """The scales for the next generation, a tree or None."""
        if self.adaptation is None:
            return state.scales
        assert estimate.squares is not None, "estimated without an adaptation"
        excess = gathered(self.mesh, estimate.squares).sum(axis=0) / self._directions
        manifolds = checks.mirrored(self.manifolds, state.params)
        return adapted(self.adaptation, state.scales, manifolds, state.params, excess)

    def _seeds(self, state: StrategyState, round: int | jax.Array) -> jax.Array:
        """[P, …] seeds of the noise of a round, which is drawn again whenever it is needed."""
        generation = jax.random.fold_in(state.key, state.generation)
        key = jnp.where(round == 0, generation, jax.random.fold_in(generation, round))
        seeds = self.perturbations.seeds(key, self._directions, _size(state.params))
        return checks.drawn("seeds", seeds, (self._directions, *seeds.shape[1:]))

    def _seeds_of_rounds(self, state: StrategyState, rounds: int) -> jax.Array:
        """[rounds · P, …] seeds of so many rounds, in their order."""
        seeds = lax.map(lambda round: self._seeds(state, round), jnp.arange(rounds))
        return seeds.reshape(-1, *seeds.shape[2:])

    def _drawing(self, state: StrategyState) -> Callable[[jax.Array], jax.Array]:
        size = _size(state.params)

        def draw(seeds: jax.Array) -> jax.Array:
            return checks.drawn("directions", self.perturbations.directions(seeds, size), (len(seeds), size))

        return draw


def _size(params: Params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _computed_once(fitness: jax.Array) -> jax.Array:
    """`fitness` [C], by a sort that moves nothing: compilers fuse nothing across it.

    Where fitness is one entry of a candidate they would draw its noise again inside each sum over the population, and
    LLVM's search for checksums in loops of 8, 16, 24 or 32 turns (`HashRecognize`) takes a time exponential in the
    generator's rounds: with jaxlib 0.10 it does not come to an end.
    """
    return lax.sort((lax.iota(jnp.int32, fitness.size), fitness), num_keys=1)[1]


def _still_finite(moved: Params, params: Params) -> jax.Array:
    """Scalar bool: whether all that was finite is so. An exponential overflows before the step's length does."""
    still = jax.tree.map(lambda new, old: (jnp.isfinite(new) >= jnp.isfinite(old)).all(), moved, params)
    return jnp.stack(jax.tree.leaves(still)).all()


def _where(condition: jax.Array, new: Any, old: Any) -> Any:
    """Each leaf of `new` where the condition holds, else that of `old`, in the latter's dtype."""

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        both = jnp.where(condition, new, old)
        # A random key, which an optimiser may keep, cannot be cast.
        return both if both.dtype == old.dtype else both.astype(old.dtype)

    return jax.tree.map(chosen, new, old)
