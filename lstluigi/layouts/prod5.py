"""Productions of prod5_trans_80: one pointing at 20 deg, gammas at two offsets as point sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from glob import glob
from typing import Any, Unpack

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.base import PathConfig, Step, Where, checked_source, refuse_absent

__all__ = ["PathConfigProd5Trans80", "PathConfigProd5Trans80DL1ab"]

TREE = "20200629_prod5_trans_80"
#: Where the telescope was pointed at in simulations that are known.
ZENITHS = ("zenith_20deg", "zenith_40deg")


def checked_zenith(zenith: str, root: str) -> str:
    """Return the name of the directory of a zenith angle.

    Raises
    ------
    LstluigiError
        There is no such directory; where DL0 is not there, it is none of those that are known.
    """
    there = sorted({os.path.basename(path) for path in glob(f"{root}/mc/DL0/{TREE}/*/zenith_*deg")})
    if zenith in (there or ZENITHS):
        return zenith
    where = f"below {root}/mc/DL0/{TREE}" if there else "to choose from"
    raise LstluigiError(
        f"there is no zenith {shown(zenith)}; there are {' and '.join(there or ZENITHS)} {where}"
    )


class PathConfigProd5Trans80(PathConfig):
    """From DL0 to models, sensitivity and IRFs.

    Parameters
    ----------
    prod_id : str
        Name of the production.
    zenith : str
        Directory of the zenith angle, of the form ``zenith_20deg``.
    **where
        As for `PathConfig`. There are no nodes; the layouts differ in the options of the IRFs.
    """

    one_pointing = True
    no_choice: Mapping[str, str] = {
        "layout": "prod5 has had one tree in all years, and only options of its IRFs have changed"
    }
    #: The files have no effective focal length, which ctapipe looks for by default.
    lstchain: Mapping[str, Any] = {
        "source_config": {"EventSource": {"focal_length_choice": "EQUIVALENT"}}
    }

    def __init__(self, prod_id: str, zenith: str = "zenith_20deg", **where: Unpack[Where]) -> None:
        super().__init__(prod_id, **where)
        self.zenith = checked_zenith(zenith, self.root)
        self.training_particles = ["gamma-diffuse", "proton"]
        self.testing_particles = ["gamma", "electron", "proton", "gamma-diffuse"]
        self.point_src_offsets = ["off0.0deg", "off0.4deg"]
        self.stages = [
            "r0_to_dl1",
            "train_test_split",
            "merge_dl1",
            "train_pipe",
            "dl1_to_dl2",
            "dl2_to_sensitivity",
            "dl2_to_irfs",
        ]

    @property
    def particles(self) -> list[str]:
        """All particles."""
        return list(dict.fromkeys([*self.training_particles, *self.testing_particles]))

    def samples(self, particles: Sequence[str]) -> list[tuple[str, str]]:
        """Return each particle with its offset, which only the gammas of point sources have."""
        return [
            (particle, offset)
            for particle in particles
            for offset in (self.point_src_offsets if particle == "gamma" else [""])
        ]

    # places

    def directory(self, level: str, particle: str, prod_id: str, offset: str = "") -> str:
        """Return a directory at a data level (DL0, DL1, DL2, IRF)."""
        if particle == "gamma" and not offset:
            offsets = ", ".join(self.point_src_offsets)
            raise LstluigiError(
                f"the gammas of a point source lie apart by offset; name one of {offsets}"
            )
        parts = (level, TREE, particle, self.zenith, "south_pointing", prod_id, offset)
        return "/".join((self.root, "mc", *filter(None, parts)))

    def r0_dir(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the directory of simtel files."""
        return self.directory("DL0", particle, "", gamma_src_offset)

    def dl1_dir(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the directory of DL1 files."""
        return self.directory("DL1", particle, self.prod_id, gamma_src_offset)

    def train_dir(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the directory of the half for training."""
        return f"{self.dl1_dir(particle, gamma_src_offset)}/train"

    def test_dir(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the directory of the half for tests."""
        return f"{self.dl1_dir(particle, gamma_src_offset)}/test"

    def merge_output_file(self, particle: str, step: str, gamma_src_offset: str = "") -> str:
        """Return the path of the merged half; `step` is "train" or "test"."""
        name = f"dl1_{particle}_{self.prod_id}_{step}.h5"
        return f"{self.dl1_dir(particle, gamma_src_offset)}/{name}"

    def models_path(self) -> str:
        """Return the directory of the models."""
        return f"{self.root}/models/{TREE}/{self.zenith}/south_pointing/{self.prod_id}"

    def dl2_dir(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the directory of the DL2 file."""
        return self.directory("DL2", particle, self.prod_id, gamma_src_offset)

    def dl2_output_file(self, particle: str, gamma_src_offset: str = "") -> str:
        """Return the path of the DL2 file, named as lstchain does."""
        name = os.path.basename(self.merge_output_file(particle, "test", gamma_src_offset))
        return f"{self.dl2_dir(particle, gamma_src_offset)}/{name.replace('dl1', 'dl2', 1)}"

    def irf_dir(self, gamma_src_offset: str = "diffuse") -> str:
        """Return the directory of IRFs and sensitivity for an offset, or for diffuse gammas."""
        return self.directory("IRF", "", self.prod_id, gamma_src_offset)

    def sensitivity_file(self, offset: str) -> str:
        """Return the path of the sensitivity."""
        return f"{self.irf_dir(offset)}/sensitivity_{self.prod_id}_{offset}.fits.gz"

    def irf_file(self, offset: str) -> str:
        """Return the path of the IRFs."""
        return f"{self.irf_dir(offset)}/irf_{self.prod_id}_{offset}.fits.gz"

    # stages

    @property
    def r0_to_dl1(self) -> list[Step]:
        """DL0 of each particle and offset to DL1; DL0 that cannot be looked at is told."""
        tree = f"{self.root}/mc/DL0/{TREE}"
        if not os.path.isdir(tree):
            self.dl0.note(
                f"DL0 was not looked at ({tree} does not exist here); it has to have every "
                "particle."
            )
        return [
            {"input": self.r0_dir(*sample), "output": self.dl1_dir(*sample)}
            for sample in self.samples(self.particles)
        ]

    @property
    def train_test_split(self) -> list[Step]:
        """DL1 of each particle and offset in two halves."""
        return [
            {
                "input": self.dl1_dir(*sample),
                "output": {"train": self.train_dir(*sample), "test": self.test_dir(*sample)},
            }
            for sample in self.samples(self.particles)
        ]

    @property
    def merge_dl1(self) -> list[Step]:
        """The halves that are used, each to one file; for training without images."""
        train: list[Step] = [
            {
                "input": self.train_dir(particle, offset),
                "output": self.merge_output_file(particle, "train", offset),
                "options": "--no-image",
            }
            for particle, offset in self.samples(self.training_particles)
        ]
        test: list[Step] = [
            {
                "input": self.test_dir(particle, offset),
                "output": self.merge_output_file(particle, "test", offset),
            }
            for particle, offset in self.samples(self.testing_particles)
        ]
        return train + test

    @property
    def train_pipe(self) -> list[Step]:
        """The merged training halves to models."""
        files = {
            "gamma": self.merge_output_file("gamma-diffuse", "train"),
            "proton": self.merge_output_file("proton", "train"),
        }
        return [{"input": files, "output": self.models_path()}]

    @property
    def dl1_to_dl2(self) -> list[Step]:
        """The merged test halves by the models."""
        return [
            {
                "input": self.merge_output_file(particle, "test", offset),
                "path_model": self.models_path(),
                "output": self.dl2_dir(particle, offset),
            }
            for particle, offset in self.samples(self.testing_particles)
        ]

    def _dl2_files(self, particle: str, offset: str) -> dict[str, str]:
        return {
            "gamma_file": self.dl2_output_file(particle, offset),
            "proton_file": self.dl2_output_file("proton"),
            "electron_file": self.dl2_output_file("electron"),
        }

    @property
    def dl2_to_sensitivity(self) -> list[Step]:
        """The sensitivity to a point source at each offset."""
        return [
            {"input": self._dl2_files("gamma", offset), "output": self.sensitivity_file(offset)}
            for offset in self.point_src_offsets
        ]

    @property
    def dl2_to_irfs(self) -> list[Step]:
        """IRFs of diffuse gammas, and of a point source at each offset."""
        kinds = [("gamma-diffuse", "", "diffuse", "")]
        kinds += [("gamma", offset, offset, "--point-like") for offset in self.point_src_offsets]
        return [
            {
                "input": self._dl2_files(particle, offset),
                "output": self.irf_file(name),
                "options": " ".join(filter(None, (self.layout.irf_options, option))),
            }
            for particle, offset, name, option in kinds
        ]


class PathConfigProd5Trans80DL1ab(PathConfigProd5Trans80):
    """From the DL1 of a source production, in the halves it is split into there.

    Parameters
    ----------
    prod_id : str
        Name of the new production.
    source_prod_id : str
        Name of the source production, whose DL1 has images.
    zenith : str
        Directory of the zenith angle, of the form ``zenith_20deg``.
    run_checker : bool
        Whether to look if the source production has all that is needed, where its tree is there.
    **where
        As for `PathConfigProd5Trans80`.
    """

    def __init__(
        self,
        prod_id: str,
        source_prod_id: str,
        zenith: str = "zenith_20deg",
        run_checker: bool = True,
        **where: Unpack[Where],
    ) -> None:
        super().__init__(prod_id, zenith, **where)
        self.source_prod_id = checked_source(source_prod_id, self.prod_id)
        self.run_checker = run_checker
        self.source_config = self.part(PathConfigProd5Trans80, source_prod_id, zenith)
        self.stages = ["dl1ab", *self.stages[2:]]
        if run_checker:
            self.check_source_prod()

    def halves(self) -> list[tuple[str, str, str]]:
        """Return particle, offset and half ("train" or "test") of all that is used."""
        kinds = (("train", self.training_particles), ("test", self.testing_particles))
        return [
            (particle, offset, half)
            for half, particles in kinds
            for particle, offset in self.samples(particles)
        ]

    def half_dir(self, config: PathConfigProd5Trans80, sample: tuple[str, str, str]) -> str:
        """Return the directory of a half in this production or in its source."""
        particle, offset, half = sample
        place = config.train_dir if half == "train" else config.test_dir
        return place(particle, offset)

    def check_source_prod(self) -> None:
        """Take out the offsets that the source production lacks.

        Raises
        ------
        LstluigiError
            It lacks another particle, or all offsets.
        """
        tree = f"{self.root}/mc/DL1/{TREE}"
        if not os.path.isdir(tree):
            self.dl0.note(
                f"The source production {self.source_prod_id} was not looked at ({tree} does not "
                "exist here); it has to have every particle."
            )
            return
        refuse_absent(
            self.source_prod_id, os.path.dirname(self.source_config.dl1_dir("gamma-diffuse"))
        )
        missing = {
            sample: place
            for sample in self.halves()
            if not self.dl0.holds(place := self.half_dir(self.source_config, sample), ".h5")
        }
        for _, offset, _ in filter(lambda sample: sample[0] == "gamma", missing):
            self.point_src_offsets.remove(offset)
            self.dl0.note(
                f"{offset} is left out: the source production lacks "
                f"{missing['gamma', offset, 'test']}/*.h5. If lstmcpipe has made it, the gammas of "
                "both offsets lie mixed in the other's directory."
            )
        others = [place for sample, place in missing.items() if sample[0] != "gamma"]
        if others or not self.point_src_offsets:
            lacking = ", ".join(shown(place) for place in others or missing.values())
            raise LstluigiError(
                f"the source production {shown(self.source_prod_id)} has no *.h5 in {lacking}; "
                "name a production whose DL1 is split into train and test"
            )

    @property
    def dl1ab(self) -> list[Step]:
        """Each half that is used from the same half of the source production."""
        return [
            {
                "input": self.half_dir(self.source_config, sample),
                "output": self.half_dir(self, sample),
            }
            for sample in self.halves()
        ]
