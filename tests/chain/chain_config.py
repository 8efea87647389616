"""What the small production is: its samples of toy DL0, its configs, its products."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_runs import ROOT, in_parallel

REAL_EVENT = ROOT.parent / "shared" / "data" / "history_meta_75.simtel.zst"

Config = dict[str, Any]

# ---- DL0 -------------------------------------------------------------------------------------

TRAINING = ((6.0, 180.0), (23.161, 99.261))
TESTING = (14.984, 175.158)


@dataclass(frozen=True)
class Sample:
    """DL0 of one particle at one node."""

    name: str
    pointing: tuple[float, float]
    files: int
    showers: int

    @property
    def node(self) -> str:
        return f"node_theta_{self.pointing[0]:.3f}_az_{self.pointing[1]:.3f}_"

    @property
    def place(self) -> str:
        return f"{self.name}/{self.node}"

    def file(self, number: int) -> str:
        return f"{self.place}/simtel_toy_{self.name}_run{number}.simtel.gz"


TRAINING_GAMMAS = [Sample("GammaDiffuse", node, 2, 1300) for node in TRAINING]
TRAINING_PROTONS = [Sample("Protons", node, 1, 5000) for node in TRAINING]
TESTED = {
    "gamma_file": Sample("TestGamma", TESTING, 1, 2200),
    "proton_file": Sample("TestProtons", TESTING, 1, 6000),
    "electron_file": Sample("TestElectrons", TESTING, 1, 2500),
}
SAMPLES = [*TRAINING_GAMMAS, *TRAINING_PROTONS, *TESTED.values()]
DL0_FILES = [s.file(n) for s in SAMPLES for n in range(1, s.files + 1)]


def simulate(root: Path) -> None:
    """Write the DL0 of all samples, as far as it is not there, on all cores."""
    names = [name for name in DL0_FILES if not (root / name).exists()]
    code = "import sys, chain_config; chain_config.simulate_one(sys.argv[1], int(sys.argv[2]))"
    in_parallel(
        [sys.executable, "-c", code, str(root), str(DL0_FILES.index(name))] for name in names
    )


def simulate_one(root: str, index: int) -> None:
    """Write one DL0 file."""
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file

    cone = (0.0, 3.0)
    beams = {
        "GammaDiffuse": Beam(Particle.GAMMA, (0.02, 50.0), -1.8, cone),
        "Protons": Beam(Particle.PROTON, (0.05, 100.0), -1.8, cone),
        "TestGamma": Beam(Particle.GAMMA, (0.02, 50.0), -1.8, (0.4, 0.4)),
        "TestProtons": Beam(Particle.PROTON, (0.05, 100.0), -1.8, cone),
        "TestElectrons": Beam(Particle.ELECTRON, (0.02, 50.0), -1.8, cone),
    }
    sample, number = [(s, n) for s in SAMPLES for n in range(1, s.files + 1)][index]
    simulate_file(
        Path(root, sample.file(number)),
        beam=beams[sample.name],
        pointing=Pointing(*sample.pointing),
        n_showers=sample.showers,
        seed=100 + index,
        run_number=1 + index,
    )


# ---- The production --------------------------------------------------------------------------

MODELS = "models/line"
MODEL_NAMES = ["cls_disp_sign.sav", "cls_gh.sav", "reg_disp_norm.sav", "reg_energy.sav"]
IMPORTANCE = f"{MODELS}/rf_importance.png"
POINTINGS = f"{MODELS}/training_dirs.ecsv"
IRF = "irf/irf.fits.gz"
SENSITIVITY = "irf/sensitivity.fits.gz"
SENSITIVITY_PLOT = "irf/sensitivity.png"
MERGED_TRAINING = {
    "gamma": "dl1/GammaDiffuse/dl1_train_GammaDiffuse_merged.h5",
    "proton": "dl1/Protons/dl1_train_Protons_merged.h5",
}
MERGED_TEST = {key: f"dl1/dl1_{sample.name}_merged.h5" for key, sample in TESTED.items()}
DL2 = {key: f"dl2/{s.place}/dl2_{s.name}_merged.h5" for key, s in TESTED.items()}
#: five events in an energy bin have to do for energy-dependent cuts
IRF_OPTIONS = (
    "--point-like --energy-dependent-gh --energy-dependent-theta --gh-efficiency 0.7 "
    "--theta-containment 0.7 --DL3Cuts.min_event_p_en_bin=5"
)


def dl1_file(dl0_file: str) -> str:
    """Path of the DL1 file of a DL0 file, both below their roots."""
    place, name = os.path.split(dl0_file)
    return f"dl1/{place}/dl1_{name.removesuffix('.simtel.gz')}.h5"


DL1_FILES = {name: dl1_file(name) for name in DL0_FILES}


def small_config(dl0: Path) -> Config:
    """Every stage but dl1ab, in the shape of production_configs/toy_demo."""
    stages = _stages(dl0, TESTED)
    stages["dl2_to_sensitivity"] = [{"input": dict(DL2), "output": SENSITIVITY}]
    return config_of(stages)


def shorter_config(dl0: Path) -> Config:
    """The same up to the IRF, without what only the sensitivity needs."""
    return config_of(_stages(dl0, ["gamma_file"]))


def _stages(dl0: Path, tested: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    tests = {key: TESTED[key] for key in tested}
    samples = [*TRAINING_GAMMAS, *TRAINING_PROTONS, *tests.values()]
    return {
        "r0_to_dl1": [{"input": f"{dl0}/{s.place}", "output": f"dl1/{s.place}"} for s in samples],
        "train_test_split": [
            {
                "input": f"dl1/{s.place}",
                "output": {"train": f"dl1/{s.place}/train", "test": f"dl1/kept_apart/{s.node}"},
                "options": {"test_size": 0.5},
            }
            for s in TRAINING_GAMMAS
        ],
        "merge_dl1": [
            {
                "input": "dl1/GammaDiffuse",
                "output": MERGED_TRAINING["gamma"],
                "options": "--pattern */train/*.h5 --no-image",
            },
            {
                "input": "dl1/Protons",
                "output": MERGED_TRAINING["proton"],
                "options": "--pattern */*.h5 --no-image",
            },
            *(
                {"input": f"dl1/{s.place}", "output": MERGED_TEST[key], "options": "--no-image"}
                for key, s in tests.items()
            ),
        ],
        "train_pipe": [{"input": dict(MERGED_TRAINING), "output": MODELS}],
        "dl1_to_dl2": [
            {"input": MERGED_TEST[key], "path_model": MODELS, "output": f"dl2/{s.place}"}
            for key, s in tests.items()
        ],
        "dl2_to_irfs": [
            {"input": {"gamma_file": DL2["gamma_file"]}, "output": IRF, "options": IRF_OPTIONS}
        ],
    }


def config_of(stages: Mapping[str, Any], prod_id: str = "chain_test") -> Config:
    """A production config with these stages."""
    return {
        "workflow_kind": "lstchain",
        "prod_id": prod_id,
        "stages_to_run": list(stages),
        "stages": dict(stages),
    }
