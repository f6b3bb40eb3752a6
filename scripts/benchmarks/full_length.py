"""Tasks whose episodes go on when the body has fallen: `full_length:FullLength/Humanoid-v5`, and Hopper's.

Importing registers them; in a run's config the name of this module in front of the id does.
"""

import gymnasium

HUMANOID = "full_length:FullLength/Humanoid-v5"

for name, entry_point in {
    "Hopper": "gymnasium.envs.mujoco.hopper_v5:HopperEnv",
    "Humanoid": "gymnasium.envs.mujoco.humanoid_v5:HumanoidEnv",
}.items():
    gymnasium.register(
        f"FullLength/{name}-v5",
        entry_point=entry_point,
        max_episode_steps=1000,
        kwargs={"terminate_when_unhealthy": False},
    )
