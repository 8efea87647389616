"""A small production of toy DL0, the commands that make it, and what there is to compare.

Set LSTLUIGI_CHAIN_CACHE to a directory to keep DL0 and the production from one pytest run to the
next while tests are being written.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
#: lstchain draws its training samples from numpy's global generator: `seeded` gives it a seed
PYTHONPATH = os.pathsep.join(map(str, (ROOT, HERE, HERE / "seeded")))
SCRIPTS = ROOT / "lstluigi" / "scripts"
STANDARD = ROOT / "production_configs" / "toy_demo" / "lstchain_config.json"
REAL_EVENT = ROOT.parent / "shared" / "data" / "history_meta_75.simtel.zst"

Config = dict[str, Any]


def need_lstchain() -> None:
    """Skip where lstchain is not installed; importing it here would take seconds."""
    if importlib.util.find_spec("lstchain") is None:
        pytest.skip("needs the lstchain environment")


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
    code = "import sys, chain_tools; chain_tools.simulate_one(sys.argv[1], int(sys.argv[2]))"
    in_parallel(
        [sys.executable, "-c", code, str(root), str(DL0_FILES.index(name))] for name in names
    )


def simulate_one(root: str, index: int) -> None:
    """Write one DL0 file."""
    from lstluigi.simulation import Beam, Particle, Pointing, simulate_file

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
    stages = {
        "r0_to_dl1": [{"input": f"{dl0}/{s.place}", "output": f"dl1/{s.place}"} for s in SAMPLES],
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
                for key, s in TESTED.items()
            ),
        ],
        "train_pipe": [{"input": dict(MERGED_TRAINING), "output": MODELS}],
        "dl1_to_dl2": [
            {"input": MERGED_TEST[key], "path_model": MODELS, "output": f"dl2/{s.place}"}
            for key, s in TESTED.items()
        ],
        "dl2_to_irfs": [
            {
                "input": {"gamma_file": DL2["gamma_file"]},
                "output": IRF,
                "options": IRF_OPTIONS,
            }
        ],
        "dl2_to_sensitivity": [{"input": dict(DL2), "output": SENSITIVITY}],
    }
    return config_of(stages)


def config_of(stages: Mapping[str, Any], prod_id: str = "chain_test") -> Config:
    """A production config with these stages."""
    return {
        "workflow_kind": "lstchain",
        "prod_id": prod_id,
        "stages_to_run": list(stages),
        "stages": dict(stages),
    }


def small_lstchain_config() -> dict[str, Any]:
    """The standard config with forests that grow in seconds."""
    content: dict[str, Any] = json.loads(STANDARD.read_text())
    for key in content:
        if key.startswith("random_forest_") and key.endswith("_args"):
            content[key].update(n_estimators=10, max_depth=10, n_jobs=-1, random_state=42)
    return content


class Production:
    """A directory with a config, an lstchain config, logs, and the products."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.config = where / "config.yml"
        self.lstchain_config = where / "lstchain_config.json"
        self.logs = where / "logs"

    def write(self, config: Config, lstchain: Mapping[str, Any] | str | None = None) -> Production:
        self.where.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(config, sort_keys=False))
        given = small_lstchain_config() if lstchain is None else lstchain
        self.lstchain_config.write_text(given if isinstance(given, str) else json.dumps(given))
        return self

    def __truediv__(self, name: str) -> Path:
        return self.where / name

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "LUIGI" not in name}
        return {**kept, "PYTHONPATH": PYTHONPATH, "LSTLUIGI_PROD_LOGS": str(self.logs)}

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "lstluigi.cli", "run", str(self.config), *options]

    def run(self, *options: str) -> Ended:
        """Type `lstluigi run` and wait for it to end."""
        return self.started(self.command(*options)).wait()

    def started(self, command: Sequence[str]) -> Running:
        number = len(list(self.where.glob("output_*.txt")))
        return Running(command, self.where / f"output_{number}.txt", self.where, self.environment)

    def jobs(self) -> list[str]:
        """Directories of the arrays that were submitted."""
        return sorted(str(path) for path in self.logs.glob("*/jobs/*"))

    def ledgers(self) -> dict[str, str]:
        """Every ledger with its content."""
        return {str(p): p.read_text() for p in sorted(self.where.rglob("*.ledger.jsonl"))}

    def left_over(self) -> list[str]:
        """Scratch directories, locks and half-written files."""
        found = [*self.where.rglob(".lstluigi*"), *self.where.rglob("*.lock")]
        products = [p for top in ("dl1", "dl2", "models", "irf") for p in (self / top).rglob(".*")]
        return sorted({str(path) for path in [*found, *products]})


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    code: int
    text: str

    @property
    def sentences(self) -> str:
        """What was said, without the quoted ends of logs, on one line."""
        quoted = ("    |", "|")
        lines = [x for x in self.text.splitlines() if not x.strip().startswith(quoted)]
        return " ".join(" ".join(lines).split())


class Running:
    """A run under way."""

    def __init__(
        self, command: Sequence[str], output: Path, where: Path, environment: Mapping[str, str]
    ) -> None:
        self._output = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                list(command),
                cwd=where,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self._output.read_text(errors="replace")

    def wait(self, seconds: float = 900) -> Ended:
        """Wait for the end; the limit is there for a run that hangs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running; it printed:\n{self.text}") from None
        return Ended(self.process.returncode, self.text)

    def killed_after(self, seconds: float) -> bool:
        """Send SIGKILL at this moment; False if the run has ended before."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return True
        return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def wait_for(condition: Any, seconds: float = 120) -> Any:
    """Wait until a condition holds; a limit, not an expectation about time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def processes_of(where: Path) -> list[str]:
    """Command lines of living processes that name a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{where}/" in words:
                found.append(f"{entry.name}: {words}")
    return found


# ---- By hand ---------------------------------------------------------------------------------


def by_hand(where: Path, *command: object) -> list[str]:
    """Words of a command of lstchain that works in a directory of its own."""
    where.mkdir(parents=True, exist_ok=True)
    name, *arguments = map(str, command)
    call = [sys.executable, name] if name.endswith(".py") else [str(BIN / name)]
    return ["env", "-C", str(where), *call, *arguments]


def in_parallel(commands: Iterable[Sequence[str]]) -> None:
    """Run commands, as many at once as there are cores; each has to succeed."""
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "MPLBACKEND": "Agg"}

    def run(command: Sequence[str]) -> None:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(run, commands))


# ---- Comparison ------------------------------------------------------------------------------

#: where a file says how, when and of what paths it was made
HISTORY = ("/source_filenames", "/provenance")
DL1_PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"


def leaves(path: Path) -> dict[str, np.ndarray]:
    """Every table and array of an HDF5 file by its path, its history aside."""
    import tables

    with warnings.catch_warnings(), tables.open_file(str(path)) as h5:
        # provenance is text of variable length, which pytables does not read
        warnings.filterwarnings("ignore", "problems loading leaf")
        return {
            leaf._v_pathname: np.asarray(leaf.read())
            for leaf in h5.walk_nodes("/", "Leaf")
            if not leaf._v_pathname.startswith(HISTORY)
        }


def assert_same_tables(found: Path, expected: Path, rtol: float = 0.0) -> None:
    """Same leaves, same columns, same rows in the same order."""
    ours, theirs = leaves(found), leaves(expected)
    assert sorted(ours) == sorted(theirs)
    assert theirs, f"{expected} has no table"
    for name, wanted in theirs.items():
        assert ours[name].dtype == wanted.dtype, name
        assert ours[name].shape == wanted.shape, name
        for column in wanted.dtype.names or ("",):
            pair = (x[column] if column else x for x in (ours[name], wanted))
            _assert_same_values(*pair, rtol=rtol, where=f"{name} {column}")


def _assert_same_values(
    ours: np.ndarray, theirs: np.ndarray, *, rtol: float, where: str = ""
) -> None:
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=0, equal_nan=True, err_msg=where)
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=where)


def assert_same_fits(found: Path, expected: Path, rtol: float = 1e-12) -> None:
    """Same HDUs with the same columns, units and values."""
    from astropy.io import fits

    with fits.open(found) as ours, fits.open(expected) as theirs:
        assert [hdu.name for hdu in ours] == [hdu.name for hdu in theirs]
        for mine, wanted in zip(ours[1:], theirs[1:], strict=True):
            assert mine.columns.names == wanted.columns.names
            assert mine.columns.units == wanted.columns.units
            for column in wanted.columns.names:
                where = f"{wanted.name} {column}"
                _assert_same_values(mine.data[column], wanted.data[column], rtol=rtol, where=where)


def rows(path: Path, table: str = DL1_PARAMETERS) -> int:
    """Number of rows of a table."""
    return len(leaves(path)[table])


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its header (IHDR is the first chunk)."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert head[12:16] == b"IHDR"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def products(production: Production) -> dict[str, Path]:
    """Every file of the small production by its path below it."""
    names = [
        *DL1_FILES.values(),
        *MERGED_TRAINING.values(),
        *MERGED_TEST.values(),
        *(f"{MODELS}/{name}" for name in MODEL_NAMES),
        *(IMPORTANCE, IRF, SENSITIVITY, SENSITIVITY_PLOT),
        *DL2.values(),
    ]
    return {name: production / name for name in names}


def assert_same_production(found: Production, expected: Production) -> None:
    """DL1 exactly, DL2 and what follows as steady as lstchain itself."""
    for name, path in products(found).items():
        assert path.exists(), name
    for name in (*DL1_FILES.values(), *MERGED_TRAINING.values(), *MERGED_TEST.values()):
        assert_same_tables(found / name, expected / name)
    for name in DL2.values():
        assert_same_tables(found / name, expected / name, rtol=1e-12)
    for name in (IRF, SENSITIVITY):
        assert_same_fits(found / name, expected / name)


# ---- Handling files --------------------------------------------------------------------------


def snapshot(where: Path) -> dict[str, tuple[int, int]]:
    """Every file below a directory with its inode and time."""
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in sorted(where.rglob("*"))
        if path.is_file()
    }


@contextmanager
def aside(*paths: Path) -> Iterator[None]:
    """Paths out of sight for a while; what came into their place is removed again."""
    hidden = [path.with_name(f"{path.name}.aside") for path in paths]
    for path, other in zip(paths, hidden, strict=True):
        path.rename(other)
    try:
        yield
    finally:
        for path, other in zip(paths, hidden, strict=True):
            if path.is_dir():
                shutil.rmtree(path)
            other.replace(path)


def link_files(source: Path, target: Path, names: Iterable[str]) -> None:
    """Hard links below a directory to files of another one."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(source / name, target / name)
