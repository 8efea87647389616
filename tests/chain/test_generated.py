"""From DL0 on disk to a production that runs, with nothing written by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tables
from chain_runs import Production, need_lstchain

pytestmark = pytest.mark.chain

CLASSES = {
    "PathConfigAllSkyFull": ("allsky", "--dec_list", "dec_2276", "--nodes", "scan"),
    "PathConfigAllSkyFullSplitDiffuse": ("allsky", "--dec_list", "dec_2276", "--nodes", "scan"),
    "PathConfigProd5Trans80": ("prod5",),
}


@dataclass(frozen=True)
class Toy:
    """Directories of toy DL0 by their layout, and commands typed beside them."""

    home: Production

    def type(self, *words: str) -> str:
        command = [sys.executable, "-m", "lstluigi.cli", *words]
        done = subprocess.run(
            command,
            cwd=self.home.where,
            env=self.home.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def generate(self, name: str) -> str:
        """Generate a config; tests may share it, so it may be there."""
        layout, *options = CLASSES[name]
        words = ("--prod_id", name, "--root", layout, "--overwrite", *options)
        return self.type("generate-config", name, *words)

    def run(self, name: str, *options: str) -> str:
        config = f"{name}/lstluigi_config.yml"
        return self.type("run", config, "--environment=current", "--backend=local", *options)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    need_lstchain()
    toy = Toy(Production(tmp_path_factory.mktemp("generated")))
    for layout in ("allsky", "prod5"):
        # two files, since a split needs as many
        toy.type("simulate", layout, "--layout", layout, "--preset", "tiny", "--files", "2")
    return toy


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_generated_can_run(toy: Toy, name: str) -> None:
    printed = toy.generate(name)
    first = next(line for line in printed.splitlines() if line.startswith(f"{name}: "))
    steps = sum(int(word) for word in first.replace(",", "").split() if word.isdigit())
    assert f"{name}: {steps} of {steps} steps to do" in toy.run(name, "--dry-run")
    assert not list(toy.home.where.glob("*/mc/DL1"))


@pytest.mark.slow
def test_models_of_one_pointing_are_trained_and_applied(toy: Toy) -> None:
    """With features and a focal length that are not lstchain's standard."""
    name = "PathConfigProd5Trans80"
    toy.generate(name)
    config = toy.home / f"{name}/lstluigi_config.yml"
    text = config.read_text()
    for stage in ("dl2_to_sensitivity", "dl2_to_irfs"):  # with few events there are none
        text = text.replace(f"- {stage}\n", "")
    config.write_text(text)
    toy.run(name)
    made = sorted(toy.home.where.glob(f"prod5/mc/DL2/**/{name}/**/dl2_*.h5"))
    assert len(made) == 5
    for path in made:
        with tables.open_file(str(path)) as h5:
            found = h5.get_node("/dl2/event/telescope/parameters/LST_LSTCam").colnames
        assert "gammaness" in found


def test_paths_are_below_the_root_wherever_one_is(toy: Toy) -> None:
    name = "PathConfigAllSkyFull"
    toy.type(
        *("generate-config", name, "--prod_id", "elsewhere", "--root", "allsky"),
        *("--dec_list", "dec_2276", "-o", "deep/down/"),
    )
    text = (toy.home / "deep/down/lstluigi_config.yml").read_text()
    root = Path(toy.home.where, "allsky").resolve()
    assert f"input: {root}/mc/DL0" in text
