"""Production configs: what a production is to do, read and checked."""

from lstluigi.config.load import load_config, missing_tool_config
from lstluigi.config.model import (
    Place,
    ProductionConfig,
    Shape,
    SourceEnvironment,
    Step,
    Unfit,
    fraction,
    switch,
)

__all__ = [
    "Place",
    "ProductionConfig",
    "Shape",
    "SourceEnvironment",
    "Step",
    "Unfit",
    "fraction",
    "load_config",
    "missing_tool_config",
    "switch",
]
