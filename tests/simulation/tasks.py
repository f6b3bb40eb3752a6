"""The tasks with which the backend mjx is compared with the environments, and how near it must come."""

PRECISE, SINGLE = 1e-9, 1e-3
"""Bounds of differences in float64 and in float32, as parts of a number's size if that is above 1."""
SUITE = (
    *("acrobot-swingup", "acrobot-swingup_sparse", "ball_in_cup-catch", "cartpole-balance", "cartpole-balance_sparse"),
    *("cartpole-swingup", "cartpole-swingup_sparse", "cartpole-two_poles", "cartpole-three_poles", "cheetah-run"),
    *("finger-spin", "finger-turn_easy", "finger-turn_hard", "fish-swim", "fish-upright", "hopper-hop", "hopper-stand"),
    *("humanoid-run", "humanoid-run_pure_state", "humanoid-stand", "humanoid-walk", "humanoid_CMU-run"),
    *("humanoid_CMU-stand", "humanoid_CMU-walk", "manipulator-bring_ball", "manipulator-bring_peg"),
    *("manipulator-insert_ball", "manipulator-insert_peg", "pendulum-swingup", "point_mass-easy", "quadruped-fetch"),
    *("quadruped-run", "quadruped-walk", "reacher-easy", "reacher-hard"),
    *("swimmer-swimmer15", "swimmer-swimmer6", "walker-run", "walker-stand", "walker-walk"),
)
GYMNASIUM = (
    *("Ant", "HalfCheetah", "Hopper", "Humanoid", "HumanoidStandup", "InvertedDoublePendulum", "InvertedPendulum"),
    *("Pusher", "Reacher", "Swimmer", "Walker2d"),
)
TASKS = (*(f"{name}-v5" for name in GYMNASIUM), *(f"dm_control/{name}-v0" for name in SUITE))
_PGS = (1e-3, 1e-3)
"""They get another solver, which does not stop as short of the solution."""
_LYING = (1e-2, 1e-2)
"""PGS stops further from the solution where many parts touch the ground: 7e-3 was measured."""
_ACTIONS = (1e-6, SINGLE)
"""What actions cost is a sum of many float32 numbers there, which is taken in another order."""
_SOLVER = (1e-5, SINGLE)
"""MuJoCo's own steps differ by as much with a smaller tolerance of its solver."""
_CHAIN = (1e-4, 5e-3)
"""The same, along 15 links: 3.6e-5 and 1.3e-3."""
_PEG = (1e-8, 3e-2)
"""1e-9 and 1.8e-2 were measured."""
_QUADRUPED = (PRECISE, 1e-2)
"""1.2e-3 was measured on quadruped-walk in float32."""
_FETCHING = (PRECISE, 1e-1)
"""4.7e-2 was measured in float32."""
_ELLIPSOIDS = (2e-2, 2e-2)
"""Where a hand, an ellipsoid, meets anything but the ground, both search for the contact, each in its way: 1.1e-2 in
one of 200 steps, and 1.2e-12 in the others."""
EXCEPTIONS = {
    "Humanoid-v5": _PGS,
    "HumanoidStandup-v5": _LYING,
    **dict.fromkeys(("Ant-v5", "Pusher-v5"), _ACTIONS),
    **dict.fromkeys((f"dm_control/quadruped-{name}-v0" for name in ("run", "walk")), _QUADRUPED),
    "dm_control/quadruped-fetch-v0": _FETCHING,
    **dict.fromkeys((f"dm_control/humanoid_CMU-{name}-v0" for name in ("run", "stand", "walk")), _ELLIPSOIDS),
    **dict.fromkeys((f"dm_control/manipulator-{name}_peg-v0" for name in ("bring", "insert")), _PEG),
    "dm_control/swimmer-swimmer6-v0": _SOLVER,
    "dm_control/swimmer-swimmer15-v0": _CHAIN,
}
"""Tasks with other bounds, in float64 and in float32."""
