"""Small libraries of production configs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = "/data"
CORPUS = Path(__file__).parents[3] / "shared" / "data" / "production_corpus"
SETTINGS: dict[str, Any] = {
    "tailcut": {"picture_thresh": 8, "boundary_thresh": 4},
    "image_extractor": "LocalPeakWindowSum",
    "energy_regression_features": ["log_intensity", "width", "length", "wl", "alt_tel"],
    "waveform_nsb_tuning": {"nsb_tuning": False, "nsb_tuning_rate_GHz": 0.15},
}
LINE = "dec_2276"
NODES = ("node_corsika_theta_6.000_az_180.000_", "node_corsika_theta_16.087_az_108.090_")
TEST_NODE = "node_theta_10.0_az_102.199_"


def steps(prod_id: str, line: str = LINE, nodes: tuple[str, ...] = NODES) -> dict[str, Any]:
    """An all-sky production of one line and one test node."""
    dl0, dl1 = f"{ROOT}/mc/DL0/LSTProd2", f"{ROOT}/mc/DL1/AllSky/{prod_id}"
    dl2 = f"{ROOT}/mc/DL2/AllSky/{prod_id}/TestingDataset/Gamma/{line}/{TEST_NODE}"
    irf = f"{ROOT}/mc/IRF/AllSky/{prod_id}/TestingDataset/Gamma/{line}/{TEST_NODE}"
    models = f"{ROOT}/models/AllSky/{prod_id}/{line}"
    test = f"{dl1}/TestingDataset/Gamma/dl1_{prod_id}_{TEST_NODE}_merged.h5"
    train = {
        "gamma": f"{dl1}/TrainingDataset/GammaDiffuse/{line}/merged.h5",
        "proton": f"{dl1}/TrainingDataset/Protons/{line}/merged.h5",
    }
    r0 = [
        {
            "input": f"{dl0}/TrainingDataset/{particle}/{line}/sim_telarray/{node}/output_v1.4",
            "output": f"{dl1}/TrainingDataset/{particle}/{line}/{node}",
        }
        for particle in ("GammaDiffuse", "Protons")
        for node in nodes
    ]
    r0.append(
        {
            "input": f"{dl0}/TestDataset/sim_telarray/{TEST_NODE}/output_v1.4",
            "output": f"{dl1}/TestingDataset/Gamma/{TEST_NODE}",
        }
    )
    made = f"{dl2}/dl2_{prod_id}_{TEST_NODE}_merged.h5"
    return {
        "r0_to_dl1": r0,
        "merge_dl1": [{"input": f"{dl1}/TestingDataset/Gamma/{TEST_NODE}", "output": test}],
        "train_pipe": [{"input": train, "output": models}],
        "dl1_to_dl2": [{"input": test, "output": dl2, "path_model": models}],
        "dl2_to_irfs": [
            {"input": {"gamma_file": made}, "output": f"{irf}/irf_{prod_id}.fits.gz", "options": ""}
        ],
    }


def config(prod_id: str, **changes: Any) -> dict[str, Any]:
    """A production config."""
    stages = changes.pop("stages", None) or steps(prod_id)
    return {
        "workflow_kind": "lstchain",
        "prod_id": prod_id,
        "source_environment": {"source_file": "/conda.sh", "conda_env": "lstchain-v0.10.12"},
        "stages_to_run": list(stages),
        "stages": stages,
        **changes,
    }


def add(
    library: Path,
    name: str,
    content: Any = None,
    settings: Any = SETTINGS,
    readme: str | None = None,
) -> Path:
    """Write a production into a library; its directory."""
    directory = library / name
    directory.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content or config(name))
    (directory / "lstmcpipe_config.yml").write_text(text)
    if settings is not None:
        (directory / "lstchain_config.json").write_text(json.dumps(settings))
    if readme is not None:
        (directory / "readme.md").write_text(readme)
    return directory
