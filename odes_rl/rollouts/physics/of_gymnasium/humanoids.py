"""Gymnasium's humanoids, described. Free of JAX.

Each function here repeats what `step` of the environment of that name computes, over all steps of an episode at once;
attributes are read from the environment, so that its options are kept.
"""

from typing import Any

from odes_rl.rollouts.physics.description import Description, Interval, Part, Scheme, stretch
from odes_rl.rollouts.physics.of_gymnasium.building import described, speed, sum_of_squares
from odes_rl.rollouts.physics.words import Words


def humanoid(environment: Any) -> Description:
    """Humanoid-v5: speed of the centre of mass; healthy while the height is in its range."""
    data, mass = environment.data, environment.model.body_mass.copy()
    healthy = [Interval(stretch(data, "qpos", 2, 3), *environment._healthy_z_range)]
    positions = data.xipos.size

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        bodies = features[:, :positions].reshape(len(features), -1, 3)
        centre = words.each(lambda rows: (words.array.einsum("b,bj->j", mass, rows) / mass.sum())[0], bodies)
        gained = environment._forward_reward_weight * speed(environment, centre) + (
            healthy * environment._healthy_reward
        )
        control = environment._ctrl_cost_weight * sum_of_squares(words, actions.astype(features.dtype))
        contact = environment._contact_cost_weight * sum_of_squares(words, features[1:, positions:])
        return gained - (control + words.array.clip(contact, *environment._contact_cost_range))

    features = [stretch(data, "xipos"), stretch(data, "cfrc_ext")]
    observation = _observation(environment)
    return described(environment, Scheme.STEP_AND_FORCES, observation, features, healthy, rewards)


def humanoid_standup(environment: Any) -> Description:
    """HumanoidStandup-v5: the height of the torso over the length of a physics step, less costs."""
    data, timestep = environment.data, environment.model.opt.timestep

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        control = environment._ctrl_cost_weight * sum_of_squares(words, actions.astype(features.dtype))
        impact = environment._impact_cost_weight * sum_of_squares(words, features[1:, 1:])
        impact = words.array.clip(impact, *environment._impact_cost_range)
        return features[1:, 0] / timestep - control - impact + 1

    features = [stretch(data, "qpos", 2, 3), stretch(data, "cfrc_ext")]
    return described(environment, Scheme.STEP_AND_FORCES, _observation(environment), features, [], rewards)


def _observation(environment: Any) -> list[Part]:
    """State, inertia, velocities and forces of all bodies but the world, as far as they are included."""
    data = environment.data
    skipped = {"cinert": 10, "cvel": 6, "qfrc_actuator": 6, "cfrc_ext": 6}
    return [
        stretch(data, "qpos", environment.observation_structure["skipped_qpos"]),
        stretch(data, "qvel"),
        *(
            stretch(data, name, start)
            for name, start in skipped.items()
            if getattr(environment, f"_include_{name}_in_observation")
        ),
    ]
