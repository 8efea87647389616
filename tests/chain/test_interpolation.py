"""IRFs of three test nodes, gathered: lstchain interpolates them to a pointing between."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from chain_config import IRF, IRF_OPTIONS, MODELS, config_of
from chain_runs import Production, in_parallel

pytestmark = [pytest.mark.chain, pytest.mark.slow]

#: East, where the forests were trained; the third is the small production's own.
NODES = ((24.0, 105.0), (31.0, 155.0))
GATHERED = "gathered"


def simulate_node(root: str, number: int) -> None:
    """Gammas at one node."""
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file

    simulate_file(
        Path(root) / str(number) / "simtel_toy_run1.simtel.gz",
        beam=Beam(Particle.GAMMA, (0.02, 50.0), -1.8, (0.4, 0.4)),
        pointing=Pointing(*NODES[number]),
        n_showers=2200,
        seed=500 + number,
        run_number=500 + number,
    )


@pytest.fixture(scope="module")
def made(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """From DL0 of two more nodes to three IRFs in one directory."""
    own = Production(tmp_path_factory.mktemp("interpolation"))
    numbers = range(len(NODES))
    for number in numbers:
        (own / f"dl0/{number}").mkdir(parents=True)
    code = "import sys, test_interpolation as t; t.simulate_node(sys.argv[1], int(sys.argv[2]))"
    in_parallel([sys.executable, "-c", code, str(own / "dl0"), str(n)] for n in numbers)
    (own / "irf/old").mkdir(parents=True)
    os.link(production / IRF, own / "irf/old/irf.fits.gz")
    stages = {
        "r0_to_dl1": [{"input": f"dl0/{n}", "output": f"dl1/{n}"} for n in numbers],
        "dl1_to_dl2": [
            {
                "input": f"dl1/{n}/dl1_simtel_toy_run1.h5",
                "path_model": str(production / MODELS),
                "output": f"dl2/{n}",
            }
            for n in numbers
        ],
        "dl2_to_irfs": [
            {
                "input": {"gamma_file": f"dl2/{n}/dl2_simtel_toy_run1.h5"},
                "output": f"irf/{n}/irf.fits.gz",
                "options": IRF_OPTIONS,
            }
            for n in numbers
        ],
        "irf_index": [{"input": "irf", "output": GATHERED}],
    }
    ended = own.write(config_of(stages, "chain_interpolation")).run()
    assert ended.code == 0, ended.text
    return own


def gathered(made: Production) -> list[str]:
    """What `lstchain_create_dl3_file -i gathered` would find."""
    return sorted(map(str, (made / GATHERED).glob("*irf*.fits.gz")))


def test_index_has_the_nodes(made: Production) -> None:
    from astropy.table import Table

    index = Table.read(made / GATHERED / "irf_index.ecsv")
    assert [str(made / GATHERED / name) for name in index["file"]] == gathered(made)
    found = zip(index["zen_pnt"], index["az_pnt"], strict=True)
    wanted = [*NODES, (14.984, 175.158)]
    np.testing.assert_allclose(list(found), wanted, atol=1e-3)
    assert index.meta["interpolation"]


def test_lstchain_interpolates_between_them(made: Production) -> None:
    """To the mean of the nodes in the parameters of the interpolation: their mean area."""
    from astropy import units as u
    from astropy.io import fits
    from lstchain.high_level import check_in_delaunay_triangle, compare_irfs, interpolate_irf

    files = gathered(made)
    assert compare_irfs(files)
    headers = [fits.getheader(path, 1) for path in files]
    cosine = np.mean([np.cos(np.radians(h["ZEN_PNT"])) for h in headers])
    sine = np.mean([np.sin(np.radians(h["B_DELTA"])) for h in headers])
    target = {
        "ZEN_PNT": np.arccos(cosine) * u.rad,
        "B_DELTA": np.arcsin(sine) * u.rad,
        "AZ_PNT": 150 * u.deg,
    }
    chosen = check_in_delaunay_triangle(files, target)
    assert sorted(chosen) == files
    between = interpolate_irf(chosen, target)
    area = between["EFFECTIVE AREA"].data["EFFAREA"][0, 0]
    given = np.array([fits.getdata(path, "EFFECTIVE AREA")["EFFAREA"][0, 0] for path in files])
    assert given.max() > 0
    # each node counts a third, in the logarithm of the area, which pyirf takes as 1 m2 at least
    mean = np.exp(np.log(np.maximum(given, 1)).mean(axis=0))
    np.testing.assert_allclose(area, mean, rtol=1e-3)


def test_outside_the_nodes_the_nearest_is_taken(made: Production) -> None:
    from astropy import units as u
    from lstchain.high_level import check_in_delaunay_triangle

    target = {"ZEN_PNT": 60 * u.deg, "B_DELTA": 90 * u.deg, "AZ_PNT": 100 * u.deg}
    assert len(check_in_delaunay_triangle(gathered(made), target)) == 1
