"""Everything that can be checked before a run, off the cluster: config, files, environment."""

from lstluigi.validation.production import validate
from lstluigi.validation.report import Report

__all__ = ["Report", "validate"]
