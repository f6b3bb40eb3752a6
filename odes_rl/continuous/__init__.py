"""Networks of continuous depth, in parts: input networks, vector fields, depth, solver, losses along depth."""

from odes_rl.continuous.adjoint import Loss, depth_loss, functional_gradient
from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.convolution import convolve
from odes_rl.continuous.density import log_density, normal_log_density, sample_and_log_density, with_log_density
from odes_rl.continuous.fields import Field, convolution_field, higher_order, network_field, trajectory_field
from odes_rl.continuous.gaussian import Gaussian
from odes_rl.continuous.inputs import (
    Inputs,
    at_places,
    at_rest,
    identity,
    in_turn,
    linear,
    patches,
    strided,
    zeros_added,
)
from odes_rl.continuous.latent import LatentODE, evidence_bound, latent_ode
from odes_rl.continuous.network import ContinuousNetwork, continuous_network
from odes_rl.continuous.planar import PLANAR_MANIFOLDS, gated_field, planar_init, planar_log_density, planar_sample
from odes_rl.continuous.recurrent import Cell, Forecaster, forecaster, gated_unit
from odes_rl.continuous.sensitivity import Sensitivities, sensitivities
from odes_rl.continuous.solving import Solution, Solving, VectorField, counting, solve

__all__ = [
    "AFFINE",
    "PLANAR_MANIFOLDS",
    "Cell",
    "ContinuousNetwork",
    "Field",
    "Forecaster",
    "Gaussian",
    "Inputs",
    "LatentODE",
    "Loss",
    "Sensitivities",
    "Solution",
    "Solving",
    "VectorField",
    "affine",
    "at_places",
    "at_rest",
    "continuous_network",
    "convolution_field",
    "convolve",
    "counting",
    "depth_loss",
    "evidence_bound",
    "forecaster",
    "functional_gradient",
    "gated_field",
    "gated_unit",
    "higher_order",
    "identity",
    "in_turn",
    "init_affine",
    "latent_ode",
    "linear",
    "log_density",
    "network_field",
    "normal_log_density",
    "patches",
    "planar_init",
    "planar_log_density",
    "planar_sample",
    "sample_and_log_density",
    "sensitivities",
    "solve",
    "strided",
    "trajectory_field",
    "with_log_density",
    "zeros_added",
]
