"""What each stage does that the others do not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from steps import Files, step_of
from test_stages import DL2, STEPS

from lstluigi.stages import STAGES
from lstluigi.stages.base import LSTCHAIN_CONFIG
from lstluigi.stages.merge_dl1 import pattern_of
from lstluigi.stages.r0_to_dl1 import dl1_name
from lstluigi.stages.train_pipe import interpolates


@pytest.mark.parametrize(
    ("simtel", "dl1"),
    [
        ("/x/gamma_run1.simtel.gz", "dl1_gamma_run1.h5"),
        ("/x/gamma.simtel.zst", "dl1_gamma.h5"),
        ("a.simtel.gz.simtel.gz", "dl1_a.simtel.gz.h5"),
    ],
)
def test_name_of_a_dl1_file(simtel: str, dl1: str) -> None:
    assert dl1_name(simtel) == dl1


def test_r0_to_dl1_does_each_file(tmp_path: Path) -> None:
    stage, step = step_of(tmp_path, "r0_to_dl1", input="/dl0", output="/dl1")
    assert stage.per_file
    assert [reading.pattern for reading in stage.reads(step)] == ["*.simtel.gz", "*.simtel.zst"]
    files = Files([["/dl0/a.simtel.gz"], ["/dl0/b.simtel.zst"]])
    assert [product.final for product in stage.products(step, files)] == [
        "/dl1/dl1_a.h5",
        "/dl1/dl1_b.h5",
    ]
    commands = stage.commands(step, files)
    assert commands[1][:5] == ("lstchain_mc_r0_to_dl1", "-f", "/dl0/b.simtel.zst", "-o", ".")
    assert LSTCHAIN_CONFIG in commands[0]


@pytest.mark.parametrize(
    ("options", "images"), [("", False), ("--no-image", False), ("--image", True)]
)
def test_dl1ab_writes_images_if_asked_to(tmp_path: Path, options: str, images: bool) -> None:
    stage, step = step_of(tmp_path, "dl1ab", input="/dl1", output="/new", options=options)
    (command,) = stage.commands(step, Files([["/dl1/a.h5"]]))
    assert ("--no-image" in command) == (not images)
    assert "--image" not in command  # lstchain does not know it
    (product,) = stage.products(step, Files([["/dl1/a.h5"]]))
    assert ("/dl1/event/telescope/image/LST_LSTCam" in product.check.get("of_events", ())) == images


def test_dl1ab_of_one_file(tmp_path: Path) -> None:
    stage, step = step_of(tmp_path, "dl1ab", input="/dl1/a.h5", output="/new")
    assert [reading.pattern for reading in stage.reads(step)] == [None]


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ((), "*.h5"),
        (("--pattern", "*/*.h5", "--no-image"), "*/*.h5"),
        (("--pattern=*/*/*.h5",), "*/*/*.h5"),
        (("-p", "a*.h5"), "a*.h5"),
        (("-pa*.h5",), "a*.h5"),
        (("-p", "a", "--pattern", "b"), "b"),
    ],
)
def test_the_pattern_of_a_merge(options: tuple[str, ...], pattern: str) -> None:
    assert pattern_of(options) == pattern


@pytest.mark.parametrize("options", ["--pattern */*.h5", "--pattern '*/*.h5'", '-p "*/*.h5"'])
def test_a_pattern_is_never_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.h5").touch()
    monkeypatch.chdir(tmp_path)
    stage, step = step_of(tmp_path, "merge_dl1", input="/dl1", output="/m.h5", options=options)
    (reading,) = stage.reads(step)
    assert reading.pattern == "*/*.h5"
    (command,) = stage.commands(step, Files([[]]))
    assert "*/*.h5" in command


def test_a_merge_is_given_links_of_just_its_files(tmp_path: Path) -> None:
    stage, step = step_of(tmp_path, "merge_dl1", input="/dl1", output="/m.h5")
    links = stage.links(step, Files([["/dl1/a.h5", "/dl1/n/b.h5"]]))
    assert links == [("/dl1/a.h5", "inputs/a.h5"), ("/dl1/n/b.h5", "inputs/n/b.h5")]
    (command,) = stage.commands(step, Files([[]]))
    assert command[command.index("-d") + 1] == "inputs"


@pytest.mark.parametrize(
    ("lstchain", "models"),
    [
        ({}, {"reg_energy", "reg_disp_norm", "cls_disp_sign", "cls_gh"}),
        (
            {"disp_method": "disp_norm_sign"},
            {"reg_energy", "reg_disp_norm", "cls_disp_sign", "cls_gh"},
        ),
        ({"disp_method": "disp_vector"}, {"reg_energy", "reg_disp_vector", "cls_gh"}),
    ],
)
def test_models_follow_the_disp_method(
    tmp_path: Path, lstchain: dict[str, Any], models: set[str]
) -> None:
    particles = {"gamma": "/g.h5", "proton": "/p.h5"}
    stage, step = step_of(tmp_path, "train_pipe", input=particles, output="/models")
    made = {product.made for product in stage.products(step, Files([[], []], lstchain))}
    assert made == {f"{model}.sav" for model in models} | {"rf_importance.png"}


def test_a_dl2_file_is_named_as_lstchain_does(tmp_path: Path) -> None:
    stage, step = step_of(
        tmp_path, "dl1_to_dl2", input="/x/dl1_dl1_a.h5", output="/dl2", path_model="/m"
    )
    assert [made.path for made in stage.makes(step)] == ["/dl2/dl2_dl1_a.h5"]
    assert [(reading.path, reading.pattern) for reading in stage.reads(step)] == [
        ("/x/dl1_dl1_a.h5", None),
        ("/m", "*.sav"),
        ("/m", "training_dirs.ecsv"),
    ]
    meeting = stage.meeting(step, Files([["/x/dl1_dl1_a.h5"], [], []]))
    assert meeting
    assert list(meeting.files) == [("/x/dl1_dl1_a.h5", "")]


def columns_of_irfs(tmp_path: Path, inputs: Files, options: str = "") -> dict[str, str]:
    stage, step = step_of(
        tmp_path, "dl2_to_irfs", input=DL2, output="/irf.fits.gz", options=options
    )
    (product,) = stage.products(step, inputs)
    return dict(product.check["values"])


def test_each_response_has_numbers(tmp_path: Path) -> None:
    """The point spread, too, where lstchain makes one."""
    full = columns_of_irfs(tmp_path, Files([]))
    assert full.pop("PSF") == "RPSF"
    assert full.keys() == {"EFFECTIVE AREA", "ENERGY DISPERSION", "BACKGROUND"}
    lstchain = {"IRFFITSWriter": {"point_like": True}}
    assert columns_of_irfs(tmp_path, Files([], lstchain)) == full
    assert columns_of_irfs(tmp_path, Files([]), "--point-like") == full


@pytest.mark.parametrize("missing", [(), ("electron_file",), ("electron_file", "proton_file")])
def test_irfs_take_the_particles_that_are_given(tmp_path: Path, missing: tuple[str, ...]) -> None:
    given = {name: None if name in missing else path for name, path in DL2.items()}
    stage, step = step_of(tmp_path, "dl2_to_irfs", input=given, output="/irf.fits.gz")
    (command,) = stage.commands(step, Files([]))
    for name, option in {"gamma_file": "-g", "proton_file": "-p", "electron_file": "-e"}.items():
        assert (option in command) == (name not in missing)
        if name not in missing:
            assert command[command.index(option) + 1] == DL2[name]
    assert len(stage.reads(step)) == 3 - len(missing)


@pytest.mark.parametrize(("output", "plot"), [("/s.fits", "/s.png"), ("/s.x.fits.gz", "/s.x.png")])
def test_a_sensitivity_has_its_plot_beside_it(tmp_path: Path, output: str, plot: str) -> None:
    stage, step = step_of(tmp_path, "dl2_to_sensitivity", input=DL2, output=output)
    assert [product.final for product in stage.products(step, Files([]))] == [output, plot]
    assert not stage.problems(step)


def split(tmp_path: Path, files: list[str], **options: float) -> dict[str, set[str]]:
    """Names on each side."""
    output = {"train": "/train", "test": "/test"}
    stage, step = step_of(
        tmp_path, "train_test_split", input="/dl1", output=output, options=options or None
    )
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for product in stage.products(step, Files([files])):
        _, side, name = product.final.split("/")
        assert product.made == f"{side}/{name}"
        sides[side].add(name)
    links = {link: source for source, link in stage.links(step, Files([files]))}
    assert links == {f"{s}/{name}": f"/dl1/{name}" for s in sides for name in sides[s]}
    assert stage.commands(step, Files([files])) == ()
    return sides


def names(count: int) -> list[str]:
    return [f"/dl1/run{number}.h5" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "test_size", "test"),
    [(10, 0.5, 5), (10, 0.2, 2), (7, 0.5, 4), (2, 0.01, 1), (2, 0.99, 1), (1, 0.5, 0), (0, 0.5, 0)],
)
def test_a_split_has_its_ratio(tmp_path: Path, count: int, test_size: float, test: int) -> None:
    sides = split(tmp_path, names(count), test_size=test_size)
    assert len(sides["test"]) == test
    assert len(sides["train"]) == count - test
    assert not sides["train"] & sides["test"]


def test_a_split_is_half_and_half_by_default(tmp_path: Path) -> None:
    assert len(split(tmp_path, names(10))["test"]) == 5


def test_a_split_does_not_depend_on_the_listing(tmp_path: Path) -> None:
    files = names(30)
    before = split(tmp_path, files)
    random.shuffle(files)
    assert split(tmp_path, files) == before


def test_a_split_is_not_the_order_of_the_runs(tmp_path: Path) -> None:
    test = split(tmp_path, names(30))["test"]
    runs = sorted(int(name.removeprefix("run").removesuffix(".h5")) for name in test)
    assert runs != list(range(15))
    assert runs != list(range(15, 30))


# ---- interpolation ---------------------------------------------------------------------------

INTERPOLATION: dict[str, Any] = {
    "random_forest_zd_interpolation": {"interpolate_energy": True, "interpolate_direction": False}
}


@pytest.mark.parametrize(
    ("lstchain", "wanted"),
    [
        (INTERPOLATION, True),
        ({**INTERPOLATION, "energy_regression_features": ["alt_tel"]}, True),
        # lstchain would look for the altitude among the features, in vain
        ({**INTERPOLATION, "energy_regression_features": ["width"]}, False),
        ({**INTERPOLATION, "disp_regression_features": ["width"]}, True),
        ({"random_forest_zd_interpolation": {"interpolate_energy": False}}, False),
        ({"random_forest_zd_interpolation": None}, False),
        ({}, False),
    ],
)
def test_pointings_are_written_where_lstchain_interpolates(
    tmp_path: Path, lstchain: dict[str, Any], wanted: bool
) -> None:
    particles = {"gamma": "/g.h5", "proton": "/p.h5"}
    stage, step = step_of(tmp_path, "train_pipe", input=particles, output="/models")
    files = Files([[], []], lstchain)
    finals = [product.final for product in stage.products(step, files)]
    assert ("/models/training_dirs.ecsv" in finals) == wanted
    calls = [command for command in stage.commands(step, files) if "training_dirs" in command[0]]
    assert [command[1] for command in calls] == ["/g.h5"] * wanted


def test_disp_vectors_have_no_sign_to_classify(tmp_path: Path) -> None:
    lstchain = {
        "random_forest_zd_interpolation": {"interpolate_direction": True},
        "disp_classification_features": ["width"],
    }
    assert not interpolates(lstchain)
    assert interpolates({**lstchain, "disp_method": "disp_vector"})


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/irf/a/irf_1.fits.gz", "/irf/b/irf_2.fits.gz"], ["irf_1.fits.gz", "irf_2.fits.gz"]),
        (
            ["/irf/a/irf.fits.gz", "/irf/b/irf.fits.gz", "/irf/c/irf_3.fits.gz"],
            ["a_irf.fits.gz", "b_irf.fits.gz", "irf_3.fits.gz"],
        ),
    ],
)
def test_gathered_irfs_have_names_of_their_own(
    tmp_path: Path, files: list[str], names: list[str]
) -> None:
    stage, step = step_of(tmp_path, "irf_index", input="/irf", output="/out")
    assert stage.links(step, Files([files])) == list(zip(files, names, strict=True))
    products = stage.products(step, Files([files]))
    assert [p.final for p in products] == [f"/out/{n}" for n in [*names, "irf_index.ecsv"]]


@pytest.mark.parametrize(
    ("options", "pattern", "words"),
    [
        ("", "*/*irf*.fits.gz", ""),
        ("--pattern irf_a*.fits", "irf_a*.fits", ""),
        ("--pattern=*/*/irf*.fits.gz", "*/*/irf*.fits.gz", ""),
        ("-p x*.fits", "x*.fits", ""),
        ("--pattern ../*.fits", "../*.fits", "does not stay below the input directory"),
        ("--pattern", "", "does not stay below the input directory"),
        ("--gh-efficiency 0.7", "*/*irf*.fits.gz", "no option '--gh-efficiency'"),
    ],
)
def test_options_of_an_index_are_a_pattern(
    tmp_path: Path, options: str, pattern: str, words: str
) -> None:
    keys = {"input": "/irf", "output": "/out", "options": options}
    stage, step = step_of(tmp_path, "irf_index", **keys)
    assert [reading.pattern for reading in stage.reads(step)] == [pattern]
    problems = stage.problems(step)
    assert len(problems) == bool(words)
    assert all(words in problem.what for problem in problems)


# ---- source-dependent analysis ---------------------------------------------------------------

OF_A_SOURCE = {"source_dependent": True}


@pytest.mark.parametrize("lstchain", [{}, {"source_dependent": False}, OF_A_SOURCE])
def test_dl2_of_a_source_has_a_second_table(tmp_path: Path, lstchain: dict[str, Any]) -> None:
    stage, step = step_of(tmp_path, "dl1_to_dl2", input="/dl1_a.h5", output="/o", path_model="/m")
    (product,) = stage.products(step, Files([[]], lstchain))
    table = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam"
    assert (table in product.check["nonempty"]) == (lstchain == OF_A_SOURCE)


POINT = "--source-dep --point-like"


@pytest.mark.parametrize(
    ("options", "lstchain", "words"),
    [
        ("--point-like", {}, []),
        ("--point-like --global-theta-cut 0.2", {}, []),
        (f"{POINT} --global-theta-cut 0.2", OF_A_SOURCE, ["theta has no effect"]),
        (f"{POINT} --DL3Cuts.global_theta_cut=0.2", OF_A_SOURCE, ["theta has no effect"]),
        ("--point-like", OF_A_SOURCE, []),
        (f"{POINT} --global-alpha-cut 10", OF_A_SOURCE, []),
        (f"{POINT} --energy-dependent-gh --energy-dependent-alpha", OF_A_SOURCE, []),
        (POINT, {}, ["the lstchain config makes no such DL2"]),
        ("--source-dep", OF_A_SOURCE, ["without --point-like"]),
        (f"{POINT} --energy-dependent-alpha", OF_A_SOURCE, ["only beside those in gammaness"]),
        ("--source-dep", {}, ["makes no such DL2", "without --point-like"]),
        # lstchain reads the section of its command in the config, too; an option counts more
        ("--point-like", {"IRFFITSWriter": {"source_dep": True}}, ["makes no such DL2"]),
        ("--source-dep", {**OF_A_SOURCE, "IRFFITSWriter": {"point_like": True}}, []),
        (
            f"{POINT} --IRFFITSWriter.source_dep=False",
            {"IRFFITSWriter": {"source_dep": True}},
            [],
        ),
    ],
)
def test_alpha_cuts_that_lstchain_cannot_make(
    tmp_path: Path, options: str, lstchain: dict[str, Any], words: list[str]
) -> None:
    keys: dict[str, Any] = {"input": {"gamma_file": "/g.h5"}, "output": "/irf.fits.gz"}
    stage, step = step_of(tmp_path, "dl2_to_irfs", **keys, options=options)
    told = [problem.what for problem in stage.conflicts(step, lstchain)]
    assert len(told) == len(words)
    assert all(word in what for word, what in zip(words, told, strict=True))


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("--global-alpha-cut -10", ["alpha at '-10'"]),
        ("--global-alpha-cut=0", ["alpha at '0'"]),
        ("--DL3Cuts.global_theta_cut=-0.2", ["theta at '-0.2'"]),
        ("--global-alpha-cut 10 --global-theta-cut 0.2 --global-gh-cut 0", []),
        ("--global-alpha-cut ten", []),  # as the parser of the command says
    ],
)
def test_cuts_that_no_event_passes(tmp_path: Path, options: str, refused: list[str]) -> None:
    keys: dict[str, Any] = {"input": {"gamma_file": "/g.h5"}, "output": "/irf.fits.gz"}
    stage, step = step_of(tmp_path, "dl2_to_irfs", **keys, options=options)
    told = [problem.what for problem in stage.problems(step)]
    assert len(told) == len(refused)
    assert all(word in what for word, what in zip(refused, told, strict=True))


@pytest.mark.parametrize("lstchain", [{}, OF_A_SOURCE])
def test_sensitivities_are_not_made_of_such_dl2(tmp_path: Path, lstchain: dict[str, Any]) -> None:
    stage, step = step_of(tmp_path, "dl2_to_sensitivity", input=DL2, output="/s.fits.gz")
    assert len(stage.conflicts(step, lstchain)) == bool(lstchain)


@pytest.mark.parametrize("name", ["train_pipe", "dl1_to_dl2"])
@pytest.mark.parametrize(
    ("lstchain", "problems"),
    [
        ({}, 0),
        (OF_A_SOURCE, 0),
        ({"disp_method": "disp_vector"}, 0),
        ({**OF_A_SOURCE, "disp_method": "disp_vector"}, 1),
    ],
)
def test_a_source_needs_norm_and_sign(
    tmp_path: Path, name: str, lstchain: dict[str, Any], problems: int
) -> None:
    stage, step = step_of(tmp_path, name, **STEPS[name])
    assert len(stage.conflicts(step, lstchain)) == problems


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("KeyError: 'No object named /dl1/event/telescope/parameters/LST_LSTCam in", "LSTcam"),
        ("AttributeError: 'NoneType' object has no attribute 'energy'", "pedestals"),
    ],
)
def test_cryptic_failures_of_r0_to_dl1_are_explained(reason: str, words: str) -> None:
    """Of real files: prod6 with the camera LSTcam, and pedestal events only."""
    assert words in STAGES["r0_to_dl1"].mend(reason)
