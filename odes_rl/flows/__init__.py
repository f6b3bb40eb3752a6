"""Flows: steps and solvers on Lie groups, ODE solvers, and the trajectories t ↦ W(t) of weights."""
