"""Steps of a stage as a config would give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config import Step, load_config
from lstluigi.stages import SHAPES, WORKFLOWS
from lstluigi.stages.base import Stage


def step_of(
    tmp_path: Path, stage: str, workflow: str = "lstchain", **keys: Any
) -> tuple[Stage, Step]:
    """A stage of a kind of workflow, and a step of it read from a config."""
    path = tmp_path / "config.yml"
    content = {"workflow_kind": workflow, "prod_id": "p", "stages_to_run": [stage]}
    path.write_text(yaml.safe_dump({**content, "stages": {stage: [keys]}}))
    (step,) = load_config(path, SHAPES).steps
    return WORKFLOWS[workflow][stage], step


@dataclass
class Files:
    """The files behind each reading of a step."""

    files: Sequence[Sequence[str]]
    lstchain: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, reading: int) -> Sequence[str]:
        return self.files[reading]
