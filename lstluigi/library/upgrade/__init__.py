"""Older configs in the current format, as far as their content allows.

Configs of 2021-22 name a production and no paths; the paths follow from the layout of those years
(`legacy`, `layout`). Younger ones get what is meant beyond doubt put right (`mends`). What is
written loads without a problem, or nothing is written (`upgrade`).
"""

from __future__ import annotations

from lstluigi.library.upgrade.files import upgrade

__all__ = ["upgrade"]
