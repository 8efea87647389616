"""Production configs: what a production is to do, read and checked."""

from lstluigi.config.keys import NEEDED, Key, Setting
from lstluigi.config.load import load_config
from lstluigi.config.model import (
    NoiseTuning,
    Place,
    ProductionConfig,
    Shape,
    SourceEnvironment,
    Step,
    Unfit,
    fraction,
    switch,
)
from lstluigi.config.tools import missing_tool_config
from lstluigi.config.tuning import OWN_CONFIG, tuning_level

__all__ = [
    "NEEDED",
    "OWN_CONFIG",
    "Key",
    "NoiseTuning",
    "Place",
    "ProductionConfig",
    "Setting",
    "Shape",
    "SourceEnvironment",
    "Step",
    "Unfit",
    "fraction",
    "load_config",
    "missing_tool_config",
    "switch",
    "tuning_level",
]
