"""Production configs: what a production is to do, read and checked. The lowest layer."""

from lstluigi.config.load import find_lstchain_config, load_config
from lstluigi.config.model import (
    Place,
    ProductionConfig,
    Shape,
    SourceEnvironment,
    Step,
    Unfit,
    fraction,
)

__all__ = [
    "Place",
    "ProductionConfig",
    "Shape",
    "SourceEnvironment",
    "Step",
    "Unfit",
    "find_lstchain_config",
    "fraction",
    "load_config",
]
