"""Will a production run? Everything that can be said of its config beforehand, off the cluster."""

from lstluigi.validation.production import validate
from lstluigi.validation.report import Report

__all__ = ["Report", "validate"]
