"""YAML to a ProductionConfig; the configs of the tools."""

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
from lstluigi.config.tuning import DARKER_DATA, OWN_CONFIG, darker_data, tuning_level

__all__ = [
    "DARKER_DATA",
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
    "darker_data",
    "fraction",
    "load_config",
    "missing_tool_config",
    "switch",
    "tuning_level",
]
