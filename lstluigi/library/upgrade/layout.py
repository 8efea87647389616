"""Where productions of 2021-22 had their files, as far as prod5 has them there still.

Below the base directory (``/fefs/aswg/data/mc``)::

    DL0/OBS_DATE/PARTICLE/ZENITH/POINTING/[OFFSET]
    DL1/OBS_DATE/PARTICLE/ZENITH/POINTING/PROD/[OFFSET]/{train,test}
    DL1/OBS_DATE/PARTICLE/ZENITH/POINTING/PROD/[OFFSET]/dl1_PARTICLE_PROD_{train,test}.h5
    DL2/OBS_DATE/PARTICLE/ZENITH/POINTING/PROD/[OFFSET]/dl2_PARTICLE_PROD_test.h5
    IRF/OBS_DATE/ZENITH/POINTING/PROD/OFFSET/irf_PROD_OFFSET.fits.gz

and the models beside it in ``models/OBS_DATE/ZENITH/POINTING/PROD``. OFFSET is there for point-like
gammas only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

GAMMA, ELECTRON, PROTON = "gamma", "electron", "proton"
#: What is trained on, by the name of the training step's input.
TRAINING = {"gamma": "gamma-diffuse", "proton": PROTON}


@dataclass(frozen=True)
class Sample:
    """Simulated events of a particle; gammas at an offset of the source from the pointing."""

    particle: str
    offset: str = ""


@dataclass(frozen=True)
class Layout:
    """Paths of one production.

    Attributes
    ----------
    base
        Directory of all levels.
    obs_date, zenith, pointing
        Components of the paths; the zenith is empty where the layout has none.
    prod
        Directory of the production at each level.
    """

    base: str
    obs_date: str
    zenith: str
    pointing: str
    prod: str

    def dl0(self, sample: Sample) -> str:
        """Directory of simulated files."""
        return self._path("DL0", sample.particle, sample.offset)

    def dl1(self, sample: Sample, prod: str = "") -> str:
        """Directory of DL1 files of this or another production."""
        return self._path("DL1", sample.particle, prod or self.prod, sample.offset)

    def side(self, sample: Sample, side: str, prod: str = "") -> str:
        """Directory of the DL1 files for `train` or `test`."""
        return os.path.join(self.dl1(sample, prod), side)

    def merged(self, sample: Sample, side: str) -> str:
        """Merged DL1 file."""
        return os.path.join(self.dl1(sample), f"dl1_{sample.particle}_{self.prod}_{side}.h5")

    def dl2(self, sample: Sample) -> str:
        """Directory of the DL2 file."""
        return self._path("DL2", sample.particle, self.prod, sample.offset)

    def dl2_file(self, sample: Sample) -> str:
        """DL2 file, named by lstchain after the merged DL1 file."""
        name = os.path.basename(self.merged(sample, "test")).replace("dl1", "dl2", 1)
        return os.path.join(self.dl2(sample), name)

    def models(self) -> str:
        """Directory of the models, beside the base directory."""
        place = (self.obs_date, self.zenith, self.pointing, self.prod)
        return os.path.join(os.path.dirname(self.base), "models", *filter(None, place))

    def response(self, kind: str, offset: str) -> str:
        """FITS file: `irf` or `sensitivity`."""
        name = "_".join(filter(None, (kind, self.prod, offset))) + ".fits.gz"
        place = (self.obs_date, self.zenith, self.pointing, self.prod, offset, name)
        return os.path.join(self.base, "IRF", *filter(None, place))

    def _path(self, level: str, particle: str, *rest: str) -> str:
        place = (self.obs_date, particle, self.zenith, self.pointing, *rest)
        return os.path.join(self.base, level, *filter(None, place))
