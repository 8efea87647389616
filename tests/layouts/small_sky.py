"""A small DL0 tree, and a generated config read back as a production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from lstluigi.config import load_config
from lstluigi.layouts import PathConfig
from lstluigi.production.plan import Plan
from lstluigi.stages import SHAPES, STAGES

PROD = "20261101_v0.12.3_small"
#: Node names of each particle at three pointings: by falling zenith angle, then by azimuth.
GAMMAS = (
    "node_corsika_theta_40.0_az_90.000_",
    "node_corsika_theta_40.0_az_270.000_",
    "node_corsika_theta_10.5_az_180.000_",
)
PROTONS = (
    "node_theta_40.000_az_90.0_",
    "node_theta_40.000_az_270.0_",
    "node_theta_10.500_az_180.0_",
)
TEST = ("node_theta_32.059_az_102.217_", "node_theta_10.0_az_248.117_")


def simtel(root: Path, inner: str, nodes: Iterable[str], files: int = 1) -> None:
    """Directories of nodes, with simtel files unless there are to be none."""
    for node in nodes:
        directory = root / "mc/DL0/LSTProd2" / inner / "sim_telarray" / node / "output_v1.4"
        directory.mkdir(parents=True)
        for number in range(files):
            (directory / f"simtel_run{number}.simtel.gz").touch()


def sky(root: Path, lines: Iterable[str] = ("dec_2276", "dec_931")) -> str:
    """A tree with training nodes for these lines, and with test nodes."""
    for line in lines:
        simtel(root, f"TrainingDataset/GammaDiffuse/{line}", GAMMAS)
        simtel(root, f"TrainingDataset/Protons/{line}", PROTONS)
    simtel(root, "TestDataset", TEST)
    return str(root)


def dl1(config: PathConfig, stage: str = "r0_to_dl1") -> None:
    """DL1 files as that stage of a config would make them."""
    for step in config.generate()[stage]:
        outputs = step["output"].values() if stage == "train_test_split" else [step["output"]]
        for output in map(Path, outputs):
            merged = output.suffix == ".h5"
            directory = output.parent if merged else output
            directory.mkdir(parents=True, exist_ok=True)
            (output if merged else directory / "dl1_run0.h5").touch()


def planned(config: PathConfig, tmp_path: Path) -> Plan:
    """What lstluigi makes of the config's file."""
    file = tmp_path / "generated.yml"
    config.save_yml(file, overwrite=True)
    return Plan(load_config(file, SHAPES), STAGES, {})


def outside(plan: Plan) -> dict[str, int]:
    """How many steps of each stage read something that no step of the config makes."""
    return dict(Counter(node.step.stage for node in plan.steps if plan.external(node)))


def names(paths: Iterable[str]) -> list[str]:
    """Last names of paths."""
    return [Path(path).name for path in paths]
