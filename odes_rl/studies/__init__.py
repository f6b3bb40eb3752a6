"""Studies: small experiments, one file each, and the registry of all."""

from odes_rl.parts import Registry
from odes_rl.studies.adjoints import AdjointsConfig, adjoints
from odes_rl.studies.augmentation import AugmentationConfig, augmentation
from odes_rl.studies.conditional_flow import ConditionalFlowConfig, conditional_flow
from odes_rl.studies.densities import DensitiesConfig, densities
from odes_rl.studies.depth_variance import DepthVarianceConfig, depth_variance
from odes_rl.studies.gradients_through_depth import GradientsThroughDepthConfig, gradients_through_depth
from odes_rl.studies.householder import HouseholderConfig, householder
from odes_rl.studies.linear_systems import LinearSystemsConfig, linear_systems
from odes_rl.studies.nanode_bases import NanodeBasesConfig, nanode_bases
from odes_rl.studies.ode_net import OdeNetConfig, ode_net
from odes_rl.studies.reflection import ReflectionConfig, reflection
from odes_rl.studies.sorting import SortingConfig, sorting
from odes_rl.studies.spirals import SpiralsConfig, spirals
from odes_rl.studies.study import StudyFamily
from odes_rl.studies.theorem1 import Theorem1Config, theorem1

STUDIES = Registry(
    "study",
    "studies",
    StudyFamily,
    {
        "adjoints": StudyFamily(AdjointsConfig, adjoints),
        "augmentation": StudyFamily(AugmentationConfig, augmentation),
        "conditional_flow": StudyFamily(ConditionalFlowConfig, conditional_flow),
        "densities": StudyFamily(DensitiesConfig, densities),
        "depth_variance": StudyFamily(DepthVarianceConfig, depth_variance),
        "linear_systems": StudyFamily(LinearSystemsConfig, linear_systems),
        "gradients_through_depth": StudyFamily(GradientsThroughDepthConfig, gradients_through_depth),
        "theorem1": StudyFamily(Theorem1Config, theorem1),
        "nanode_bases": StudyFamily(NanodeBasesConfig, nanode_bases),
        "householder": StudyFamily(HouseholderConfig, householder),
        "ode_net": StudyFamily(OdeNetConfig, ode_net),
        "reflection": StudyFamily(ReflectionConfig, reflection),
        "sorting": StudyFamily(SortingConfig, sorting),
        "spirals": StudyFamily(SpiralsConfig, spirals),
    },
)
"""Every study by its name."""
