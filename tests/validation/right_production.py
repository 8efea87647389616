"""A production whose lstchain config is one that lstchain itself would write."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lstluigi.validation import Report, validate
from lstluigi.validation.lstchain_catalogue import catalogue

NODES = ("node_theta_6.000_az_180.000_", "node_theta_23.161_az_99.261_")
PROD_ID = f"20260131_v{catalogue().lstchain}_test"


class Production:
    """A small production that is right in every respect, to be spoilt.

    Parameters
    ----------
    root
        Directory above its own.
    """

    def __init__(self, root: Path) -> None:
        self.directory = root / PROD_ID
        self.directory.mkdir(parents=True)
        self.config = self.directory / "lstmcpipe_config.yml"
        self.lstchain = copy.deepcopy(dict(catalogue().standard))
        for extractor in ("LocalPeakWindowSum", "GlobalPeakWindowSum"):
            self.lstchain[extractor]["apply_integration_correction"] = True
        self.readme = "# A production\n\nNSB of the Crab nebula, dec_2276.\n"
        self.production: dict[str, Any] = {
            "workflow_kind": "lstchain",
            "prod_id": PROD_ID,
            "stages_to_run": ["r0_to_dl1", "merge_dl1", "train_pipe"],
            "stages": {
                "r0_to_dl1": [step(f"dl0/{p}/{n}", f"dl1/{p}/{n}") for p in "gp" for n in NODES],
                "merge_dl1": [
                    {**step(f"dl1/{p}", f"dl1_{p}.h5"), "options": "--pattern */*.h5 --no-image"}
                    for p in "gp"
                ],
                "train_pipe": [step({"gamma": "dl1_g.h5", "proton": "dl1_p.h5"}, "models")],
            },
        }

    @property
    def stages(self) -> dict[str, list[dict[str, Any]]]:
        """Steps by stage."""
        stages: dict[str, list[dict[str, Any]]] = self.production["stages"]
        return stages

    def run(self, stages: dict[str, list[dict[str, Any]]]) -> None:
        """Have other stages."""
        self.production |= {"stages_to_run": list(stages), "stages": stages}

    def write(self) -> None:
        """Write everything down."""
        self.config.write_text(yaml.safe_dump(self.production, sort_keys=False))
        (self.directory / "lstchain_config.json").write_text(json.dumps(self.lstchain))
        if self.readme:
            (self.directory / "readme.md").write_text(self.readme)

    def report(self, check_paths: bool = False) -> Report:
        """What validate says of it."""
        self.write()
        return validate(self.config, check_paths)

    def told(self) -> tuple[list[str], list[str]]:
        """Errors and warnings, as sentences."""
        report = self.report()
        return sentences(report.errors), sentences(report.warnings)


def sentences(findings: Iterable[object]) -> list[str]:
    return [str(finding) for finding in findings]


def step(source: Any, output: str) -> dict[str, Any]:
    return {"input": source, "output": output}
