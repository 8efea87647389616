"""prod5 configs: offsets that stay apart, and a dl1ab that starts from images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_sky import PROD, dl1, outside, planned

from lstluigi.errors import LstluigiError
from lstluigi.layouts import PathConfigProd5Trans80, PathConfigProd5Trans80DL1ab
from lstluigi.layouts.base import Step

SOURCE = "20260101_v0.12.3_base"
OFFSETS = ("off0.0deg", "off0.4deg")
HALVES = ("train", "test")


def place(level: str, particle: str, prod_id: str = PROD) -> str:
    inner = "/".join(filter(None, ("20200629_prod5_trans_80", particle)))
    return f"/fefs/aswg/data/mc/{level}/{inner}/zenith_20deg/south_pointing/{prod_id}".rstrip("/")


def test_paths() -> None:
    paths = PathConfigProd5Trans80(PROD).generate()
    protons = place("DL1", "proton")
    assert {"input": place("DL0", "proton", ""), "output": protons} in paths["r0_to_dl1"]
    assert {
        "input": protons,
        "output": {"train": f"{protons}/train", "test": f"{protons}/test"},
    } in paths["train_test_split"]
    gammas = place("DL1", "gamma-diffuse")
    models = f"/fefs/aswg/data/models/{place('', '')[len('/fefs/aswg/data/mc//') :]}"
    assert paths["train_pipe"] == [
        {
            "input": {
                "gamma": f"{gammas}/dl1_gamma-diffuse_{PROD}_train.h5",
                "proton": f"{protons}/dl1_proton_{PROD}_train.h5",
            },
            "output": models,
        }
    ]
    assert {
        "input": f"{protons}/train",
        "output": f"{protons}/dl1_proton_{PROD}_train.h5",
        "options": "--no-image",
    } in paths["merge_dl1"]
    diffuse = paths["dl2_to_irfs"][0]
    assert diffuse["output"] == f"{place('IRF', '')}/diffuse/irf_{PROD}_diffuse.fits.gz"
    assert "--point-like" not in diffuse["options"]


def test_offsets_stay_apart() -> None:
    """Fault H of lstmcpipe: both were split into one directory, and one IRF made of the other."""
    paths = PathConfigProd5Trans80(PROD).generate()
    for offset in OFFSETS:
        gammas = f"{place('DL1', 'gamma')}/{offset}"
        dl2 = f"{place('DL2', 'gamma')}/{offset}/dl2_gamma_{PROD}_test.h5"
        irfs = f"{place('IRF', '')}/{offset}"
        assert {
            "input": gammas,
            "output": {"train": f"{gammas}/train", "test": f"{gammas}/test"},
        } in paths["train_test_split"]
        merged = f"{gammas}/dl1_gamma_{PROD}_test.h5"
        assert {"input": f"{gammas}/test", "output": merged} in paths["merge_dl1"]
        made = {
            step["output"]: step["input"]["gamma_file"]
            for stage in ("dl2_to_irfs", "dl2_to_sensitivity")
            for step in paths[stage]
        }
        assert made[f"{irfs}/irf_{PROD}_{offset}.fits.gz"] == dl2
        assert made[f"{irfs}/sensitivity_{PROD}_{offset}.fits.gz"] == dl2


def test_no_offset_is_taken_for_another() -> None:
    config = PathConfigProd5Trans80(PROD)
    for name in ("r0_dir", "dl1_dir", "train_dir", "test_dir", "dl2_dir", "dl2_output_file"):
        with pytest.raises(LstluigiError, match=r"name one of off0\.0deg, off0\.4deg"):
            getattr(config, name)("gamma")


def merged_of(prod_id: str) -> list[Step]:
    return PathConfigProd5Trans80(prod_id).merge_dl1


def test_every_link_is_there(tmp_path: Path) -> None:
    """Merged files lie beside the files they are made of, and no split takes them for such."""
    plan = planned(PathConfigProd5Trans80(PROD), tmp_path)
    assert plan.graph.problems == ()
    left_out = {(plan.steps[n.node].step.stage, n.path) for n in plan.graph.notices}
    assert left_out == {("train_test_split", step["output"]) for step in merged_of(PROD)}
    assert outside(plan) == {"r0_to_dl1": 5}


def test_options_until_2024_08() -> None:
    irfs = PathConfigProd5Trans80(PROD, layout="until-2024-08").dl2_to_irfs
    assert [step["options"] for step in irfs] == ["", "--point-like", "--point-like"]


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A source production that has been split."""
    dl1(PathConfigProd5Trans80(SOURCE, root=str(tmp_path)), "train_test_split")
    return str(tmp_path)


def source(root: str, particle: str) -> Path:
    tree = Path(root, "mc/DL1/20200629_prod5_trans_80", particle)
    return tree / "zenith_20deg/south_pointing" / SOURCE


def test_dl1ab_starts_from_files_with_images(root: str, tmp_path: Path) -> None:
    """lstmcpipe's started from merged files, some without images, and merged nothing after it."""
    config = PathConfigProd5Trans80DL1ab(PROD, SOURCE, root=root)
    plan = planned(config, tmp_path)
    assert plan.graph.problems == ()
    assert plan.graph.notices == ()
    assert outside(plan) == {"dl1ab": 7}
    inputs = {step["input"] for step in config.paths["dl1ab"]}
    assert inputs == {
        *(f"{source(root, p)}/{half}" for p in ("gamma-diffuse", "proton") for half in HALVES),
        f"{source(root, 'electron')}/test",
        *(f"{source(root, 'gamma')}/{offset}/test" for offset in OFFSETS),
    }
    for node in plan.steps:
        if node.step.stage == "dl1ab":
            (consumer,) = plan.consumers(node)
            assert consumer.step.stage == "merge_dl1"


def test_an_offset_that_the_source_lacks_leaves(root: str, tmp_path: Path) -> None:
    """As after lstmcpipe's split, which mixes both into the other's directory."""
    shutil.rmtree(source(root, "gamma") / "off0.0deg")
    config = PathConfigProd5Trans80DL1ab(PROD, SOURCE, root=root)
    plan = planned(config, tmp_path)
    assert outside(plan) == {"dl1ab": 6}
    assert [Path(step["output"]).parent.name for step in config.dl2_to_irfs] == [
        "diffuse",
        "off0.4deg",
    ]
    (notice,) = config.notices
    assert notice.startswith("off0.0deg is left out")
    assert "mixed" in notice


def test_a_source_that_lacks_more(root: str) -> None:
    shutil.rmtree(source(root, "electron"))
    with pytest.raises(LstluigiError, match=r"has no \*\.h5 in '[^']*/electron/"):
        PathConfigProd5Trans80DL1ab(PROD, SOURCE, root=root)
    unchecked = PathConfigProd5Trans80DL1ab(PROD, SOURCE, run_checker=False, root=root)
    assert len(unchecked.dl1ab) == 7
    assert unchecked.notices == ()


def test_off_the_cluster(tmp_path: Path) -> None:
    config = PathConfigProd5Trans80DL1ab(PROD, SOURCE, root=str(tmp_path))
    assert len(config.dl1ab) == 7
    (notice,) = config.notices
    assert f"{SOURCE} was not looked at" in notice


def test_a_zenith_is_named_as_its_directory_is(tmp_path: Path) -> None:
    assert PathConfigProd5Trans80(PROD, zenith="zenith_40deg").zenith == "zenith_40deg"
    (tmp_path / "mc/DL0/20200629_prod5_trans_80/proton/zenith_60deg").mkdir(parents=True)
    for wrong in ("20", "20deg", "zenith_20", "zenith_020deg", "Zenith_20deg"):
        with pytest.raises(LstluigiError, match=r"no zenith .*; there are zenith_20deg and "):
            PathConfigProd5Trans80(PROD, zenith=wrong, root="/nowhere")
        with pytest.raises(LstluigiError, match="there are zenith_60deg below"):
            PathConfigProd5Trans80DL1ab(PROD, SOURCE, zenith=wrong, root=str(tmp_path))
