"""Where LST data lie: pointing nodes, all-sky and prod5 trees, config classes.

The config classes have the names and arguments of lstmcpipe's.
"""

from lstluigi.layouts.allsky import PathConfigAllSkyBase
from lstluigi.layouts.base import PathConfig
from lstluigi.layouts.fullsky import (
    PathConfigAllSkyFull,
    PathConfigAllSkyFullDL1ab,
    PathConfigAllSkyFullSplitDiffuse,
    PathConfigAllTrainTestDL1b,
)
from lstluigi.layouts.prod5 import PathConfigProd5Trans80, PathConfigProd5Trans80DL1ab
from lstluigi.layouts.sources import PathConfigAllSkyTestingDL1ab, PathConfigAllSkyTrainingDL1ab
from lstluigi.layouts.testing import PathConfigAllSkyTesting, PathConfigAllSkyTestingGammaDiffuse
from lstluigi.layouts.training import PathConfigAllSkyTraining, PathConfigAllSkyTrainingWithSplit

__all__ = [
    "PathConfig",
    "PathConfigAllSkyBase",
    "PathConfigAllSkyFull",
    "PathConfigAllSkyFullDL1ab",
    "PathConfigAllSkyFullSplitDiffuse",
    "PathConfigAllSkyTesting",
    "PathConfigAllSkyTestingDL1ab",
    "PathConfigAllSkyTestingGammaDiffuse",
    "PathConfigAllSkyTraining",
    "PathConfigAllSkyTrainingDL1ab",
    "PathConfigAllSkyTrainingWithSplit",
    "PathConfigAllTrainTestDL1b",
    "PathConfigProd5Trans80",
    "PathConfigProd5Trans80DL1ab",
]
