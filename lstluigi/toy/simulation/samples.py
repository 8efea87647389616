"""What toy data sets are made of, and where their files go.

All-sky, below ``<root>/mc/DL0/LSTProd2``::

    TrainingDataset/{GammaDiffuse,Protons}/DEC/sim_telarray/NODE/output_v1.4/
    TestDataset/sim_telarray/NODE/output_v1.4/                       gammas, ring of 0.4 deg
    TestDataset/{Protons,Electrons}/sim_telarray/NODE/output_v1.4/   for the sensitivity

prod5, below ``<root>/mc/DL0/20200629_prod5_trans_80``::

    {gamma-diffuse,proton,electron}/zenith_20deg/south_pointing/
    gamma/zenith_20deg/south_pointing/{off0.0deg,off0.4deg}/

What stands for real data is ``<root>/real/DL1/dl1_LST-1.Run00001.0000.h5``.

The protons and electrons of the all-sky test nodes are an addition: LSTProd2 has none there.
The gammas at an offset come from a ring about the pointing, as lstchain expects them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .showers import Beam, Particle, Pointing

PROD5 = "20200629_prod5_trans_80"
PROD5_POINTING = Pointing(20.0, 180.0)
#: Offset of the source in ring data sets (deg).
RING = 0.4

#: Harder than the E^-2 of LSTProd2, so that few events reach to high energies.
INDEX = -1.8
#: Beams by the name of the sample.
BEAMS: Mapping[str, Beam] = {
    "gamma-diffuse": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (0.0, 3.0)),
    "gamma-ring": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (RING, RING)),
    "gamma-point": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (0.0, 0.0)),
    "gamma-wobble": Beam(Particle.GAMMA, (0.02, 50.0), INDEX, (0.0, 0.0), offset=RING),
    "proton": Beam(Particle.PROTON, (0.05, 100.0), INDEX, (0.0, 4.0), max_impact=600.0),
    "electron": Beam(Particle.ELECTRON, (0.02, 50.0), INDEX, (0.0, 4.0)),
}


@dataclass(frozen=True)
class Amount:
    """How many files a sample has and how many showers are thrown in each."""

    files: int
    showers: int


@dataclass(frozen=True)
class Size:
    """Pointings and amounts of a data set."""

    training_nodes: tuple[Pointing, ...]
    test_nodes: tuple[Pointing, ...]
    training: Mapping[str, Amount]
    test: Mapping[str, Amount]
    #: Night-sky background in all pixels of DL0, and in what stands for real data; None: without.
    nsb: float | None = None
    data_nsb: float | None = None
    #: Whether gammas off axis come from one point, in files that say nothing of it.
    wobble: bool = False


_TRAINING_NODES = (Pointing(6.0, 180.0), Pointing(23.161, 99.261))
_TEST_NODES = (Pointing(14.984, 175.158),)

PRESETS: Mapping[str, Size] = {
    #: A whole production in minutes, with a sensitivity at its end.
    "demo": Size(
        _TRAINING_NODES,
        _TEST_NODES,
        training={"gamma-diffuse": Amount(2, 11_000), "proton": Amount(2, 30_000)},
        test={
            "gamma": Amount(2, 12_000),
            "proton": Amount(2, 35_000),
            "electron": Amount(1, 16_000),
        },
    ),
    #: For tests: seconds.
    "tiny": Size(
        _TRAINING_NODES,
        _TEST_NODES,
        training={"gamma-diffuse": Amount(1, 2_500), "proton": Amount(1, 5_000)},
        test={
            "gamma": Amount(1, 1_500),
            "proton": Amount(1, 4_000),
            "electron": Amount(1, 2_000),
        },
    ),
    #: For tuning the noise: one node, and what stands for data under a brighter sky.
    "noise": Size(
        _TRAINING_NODES[:1],
        _TEST_NODES,
        training={"gamma-diffuse": Amount(1, 4_000), "proton": Amount(1, 8_000)},
        test={
            "gamma": Amount(1, 3_000),
            "proton": Amount(1, 4_000),
            "electron": Amount(1, 2_000),
        },
        nsb=1.0,
        data_nsb=2.0,
    ),
    #: For tests, with the layout prod5: a point source off axis under a view cone of 0 degrees.
    "wobble": Size(
        _TRAINING_NODES[:1],
        _TEST_NODES,
        training={"gamma-diffuse": Amount(1, 2_500), "proton": Amount(1, 5_000)},
        test={
            "gamma": Amount(1, 1_500),
            "proton": Amount(1, 4_000),
            "electron": Amount(1, 2_000),
        },
        wobble=True,
    ),
}

DATA = "real/DL1/dl1_LST-1.Run00001.0000.h5"
#: Enough that the peak of the charges is known to some tenths of a p.e.
DATA_SHOWERS = 3_000


@dataclass(frozen=True)
class FilePlan:
    """One file to write: `nsb`, if given, in all pixels, in units of a dark field.

    What stands for `real` data is DL1, other files are DL0.
    """

    path: str
    beam: Beam
    pointing: Pointing
    n_showers: int
    run_number: int
    seed: int
    nsb: float | None = None
    real: bool = False


def plan_data(pointing: Pointing, nsb: float, *, seed: int) -> FilePlan:
    """What stands for real data under a sky of some brightness."""
    beam, file_seed = BEAMS["proton"], _file_seed(seed, DATA)
    return FilePlan(DATA, beam, pointing, DATA_SHOWERS, 1, file_seed, nsb, real=True)


def plan_allsky(size: Size, declination: str, *, seed: int, format_: str) -> list[FilePlan]:
    """List the files of an all-sky data set."""
    base = "mc/DL0/LSTProd2"
    samples: list[tuple[str, str, Pointing, Amount]] = []
    directories = {"gamma-diffuse": "GammaDiffuse", "proton": "Protons"}
    for sample, amount in size.training.items():
        top = f"{base}/TrainingDataset/{directories[sample]}/{declination}/sim_telarray"
        samples += [
            (sample, f"{top}/{node.node}/output_v1.4", node, amount) for node in size.training_nodes
        ]
    below = {"gamma": "", "proton": "Protons/", "electron": "Electrons/"}
    for sample, amount in size.test.items():
        top = f"{base}/TestDataset/{below[sample]}sim_telarray"
        beam = "gamma-ring" if sample == "gamma" else sample
        samples += [
            (beam, f"{top}/{node.node}/output_v1.4", node, amount) for node in size.test_nodes
        ]
    return _plan(samples, seed=seed, format_=format_)


def plan_prod5(size: Size, *, seed: int, format_: str) -> list[FilePlan]:
    """List the files of a prod5 data set."""
    place = "zenith_20deg/south_pointing"
    gammas = size.test["gamma"]
    parts = [
        ("gamma-diffuse", f"gamma-diffuse/{place}", size.training["gamma-diffuse"]),
        ("proton", f"proton/{place}", size.training["proton"]),
        ("electron", f"electron/{place}", size.test["electron"]),
        ("gamma-point", f"gamma/{place}/off0.0deg", gammas),
        ("gamma-wobble" if size.wobble else "gamma-ring", f"gamma/{place}/off{RING}deg", gammas),
    ]
    return _plan(
        [(b, f"mc/DL0/{PROD5}/{d}", PROD5_POINTING, amount) for b, d, amount in parts],
        seed=seed,
        format_=format_,
    )


def _plan(
    samples: Iterable[tuple[str, str, Pointing, Amount]], *, seed: int, format_: str
) -> list[FilePlan]:
    plans: list[FilePlan] = []
    for name, directory, node, amount in samples:
        beam = BEAMS[name]
        stem = f"simtel_toy_{name}_theta_{node.zenith_deg:.3f}_az_{node.azimuth_deg:.3f}"
        for number in range(1, amount.files + 1):
            path = f"{directory}/{stem}_run{number}.simtel.{format_}"
            file_seed = _file_seed(seed, f"{directory}/{stem}_run{number}")
            run_number = len(plans) + 1
            plans.append(FilePlan(path, beam, node, amount.showers, run_number, file_seed))
    return plans


def _file_seed(seed: int, name: str) -> int:
    """Seed of one file: independent of the others, of their number and of their order."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big") >> 1
