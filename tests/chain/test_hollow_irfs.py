"""A point source off axis under a view cone of 0 degrees: lstchain makes IRFs of no event."""

from __future__ import annotations

from pathlib import Path

import pytest
from chain_config import MODELS, TESTING, config_of
from chain_runs import Production

pytestmark = pytest.mark.chain


def test_a_wobble_file_of_prod5(production: Production, place: Production) -> None:
    from lstluigi.toy.simulation import Pointing, simulate_file
    from lstluigi.toy.simulation.samples import BEAMS

    beam = BEAMS["gamma-wobble"]
    assert (beam.viewcone, beam.offset) == ((0.0, 0.0), 0.4)
    (place.where / "dl0").mkdir(parents=True)
    simtel = Path(place.where, "dl0", "wobble.simtel.gz")
    simulate_file(
        simtel, beam=beam, pointing=Pointing(*TESTING), n_showers=600, seed=3, run_number=1
    )
    dl2 = "dl2/dl2_wobble.h5"
    stages = {
        "r0_to_dl1": [{"input": "dl0", "output": "dl1"}],
        "dl1_to_dl2": [
            {"input": "dl1/dl1_wobble.h5", "path_model": str(production / MODELS), "output": "dl2"}
        ],
        "dl2_to_irfs": [
            {"input": {"gamma_file": dl2}, "output": "irf.fits.gz", "options": "--point-like"}
        ],
    }
    place.write(config_of(stages, "chain_wobble"))
    ended = place.run()
    assert ended.code == 30
    assert "EFFAREA" in ended.sentences
    assert " 0 after the offsets in the field of view" in ended.sentences
    assert "Traceback" not in ended.sentences
    assert (place / dl2).exists()
    assert not (place / "irf.fits.gz").exists()
