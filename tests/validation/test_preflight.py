"""Everything that is wrong is found before anything runs, told at once, each with its place."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from lab import Lab, full, small, write_dl1

from lstluigi.errors import ConfigError
from lstluigi.production.load import Choices
from lstluigi.run.session import Session

root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def problems(lab: Lab) -> list[str]:
    """What is told about the config, each problem a line."""
    with pytest.raises(ConfigError) as caught:
        Session(Choices(config=str(lab.config))).check()
    return [str(problem) for problem in caught.value.problems]


def merges(lab: Lab, *steps: dict[str, str]) -> None:
    """A production that only merges."""
    lab.write({"merge_dl1": [{"options": "--pattern *.h5", **step} for step in steps]})


def test_problems_are_told_together(lab: Lab) -> None:
    full(lab)
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace(lab.path("dl0/gamma"), lab.path("dl0/gama")).replace(
            f"lstchain_config: {lab.lstchain_config}\n",
            "source_environment: {source_file: /not/here.sh}\n",
        )
    )
    lab.lstchain_config.unlink()
    shutil.rmtree(lab.path("dl0/proton"))
    Path(lab.path("dl0/proton")).mkdir()
    found = problems(lab)
    assert len(found) == 4
    missing, empty, lstchain, environment = found
    assert "stage r0_to_dl1, step 1, key 'input'" in missing
    assert f"{lab.path('dl0/gama')} does not exist" in missing
    assert "stage r0_to_dl1, step 2, key 'input'" in empty
    assert f"{lab.path('dl0/proton')} holds no *.simtel.gz or *.simtel.zst" in empty
    assert "the lstchain config is not known" in lstchain
    assert "--lstchain-config" in lstchain
    assert "/not/here.sh, which is not on this machine" in environment
    assert "--environment current" in environment
    assert all(str(lab.config) in problem for problem in found)
    run = lab.run()
    assert run.code == 2
    assert run.text.count("\n") < 8
    assert not lab.prod_logs.exists()
    assert lab.files() == set()


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_an_lstchain_config_that_cannot_be_read(lab: Lab, text: str) -> None:
    small(lab)
    lab.lstchain_config.write_text(text)
    run = lab.run()
    assert run.code == 2
    assert f"lstchain config {lab.lstchain_config}" in run.text
    assert "Traceback" not in run.text
    assert lab.files() == set()


def test_files_are_looked_at_where_the_config_does_not_parse(lab: Lab) -> None:
    full(lab)
    text = lab.config.read_text().replace(lab.path("dl0/gamma"), lab.path("dl0/gama"))
    lab.config.write_text(text.replace("prod_id: test_prod", "prod_ids: test_prod"))
    lab.lstchain_config.write_text("{")
    found = problems(lab)
    unknown, lstchain, missing = found
    assert "'prod_ids': the key is unknown" in unknown
    assert f"lstchain config {lab.lstchain_config}" in lstchain
    assert f"{lab.path('dl0/gama')} does not exist" in missing


@pytest.mark.parametrize("key", ["input", "output", "path_model", "output.train", "input.gamma"])
def test_a_step_without_one_of_its_paths(lab: Lab, key: str) -> None:
    full(lab)
    content = yaml.safe_load(lab.config.read_text())
    stage = {"output.train": "train_test_split", "input.gamma": "train_pipe"}.get(key, "dl1_to_dl2")
    step, (*above, last) = content["stages"][stage][0], key.split(".")
    del (step[above[0]] if above else step)[last]
    lab.write(content["stages"])
    found = problems(lab)
    assert f"stage {stage}, step 1, key '{key}': the key is missing" in found[0]
    assert not [problem for problem in found if f"stage {stage}" in problem][1:]


def test_an_lstchain_config_that_is_not_there_is_told_once(lab: Lab) -> None:
    small(lab)
    lab.lstchain_config.unlink()
    (found,) = problems(lab)
    assert f"there is no file '{lab.lstchain_config}'" in found


def test_an_absent_environment_is_not_needed_with_another_choice(lab: Lab) -> None:
    small(lab)
    lab.config.write_text(f"{lab.config.read_text()}source_environment: {{source_file: /not/h}}\n")
    assert lab.run().code == 2
    assert lab.ok(environment="current") != []


def test_two_steps_with_one_output(lab: Lab) -> None:
    write_dl1(Path(lab.path("a/x.h5")))
    step = {"input": lab.path("a"), "output": lab.path("m.h5")}
    merges(lab, step, step)
    (found,) = problems(lab)
    assert "stage merge_dl1, step 1, key 'output'" in found
    assert "is made by merge_dl1 step 2, too" in found


def test_a_cycle(lab: Lab) -> None:
    merges(
        lab,
        {"input": lab.path("a"), "output": lab.path("b/m.h5")},
        {"input": lab.path("b"), "output": lab.path("a/m.h5")},
    )
    (found,) = problems(lab)
    assert "waits for" in found
    assert lab.path("a/m.h5") in found
    assert lab.path("b/m.h5") in found


def splitting(lab: Lab, **merge: str) -> None:
    """A split, and a merge of what it makes."""
    for name in "abcd":
        write_dl1(Path(lab.path("dl1", f"{name}.h5")))
    lab.write(
        {
            "train_test_split": [
                {
                    "input": lab.path("dl1"),
                    "output": {side: lab.path("split", side) for side in ("train", "test")},
                }
            ],
            "merge_dl1": [{"output": lab.path("m.h5"), **merge}],
        }
    )


@pytest.mark.parametrize("pattern", ["*/*.h5", "**/*.h5", "t*/*.h5"])
def test_a_pattern_that_joins_train_and_test(lab: Lab, pattern: str) -> None:
    splitting(lab, input=lab.path("split"), options=f"--pattern '{pattern}'")
    (found,) = problems(lab)
    assert "stage merge_dl1, step 1" in found
    assert "joins what train_test_split step 1" in found


@pytest.mark.parametrize(
    ("directory", "pattern"), [("split/train", "*.h5"), ("split", "train/*.h5")]
)
def test_a_pattern_on_one_side(lab: Lab, directory: str, pattern: str) -> None:
    splitting(lab, input=lab.path(directory), options=f"--pattern '{pattern}'")
    assert len(lab.ok()) == 2


@pytest.mark.parametrize("pattern", ["/etc/*.h5", "../*.h5", "a/../../*.h5", "''"])
def test_a_pattern_that_leads_elsewhere(lab: Lab, pattern: str) -> None:
    merges(
        lab,
        {"input": lab.path("a"), "output": lab.path("m.h5"), "options": f"--pattern {pattern}"},
    )
    (found,) = problems(lab)
    assert "does not stay below" in found


@pytest.mark.parametrize(
    ("name", "stage"), [("sensitivity", "dl2_to_sensitivity"), ("irf", "dl2_to_irfs")]
)
def test_an_output_that_is_no_fits_file(lab: Lab, name: str, stage: str) -> None:
    full(lab)
    lab.config.write_text(lab.config.read_text().replace(f"/{name}.fits", f"/{name}.h5"))
    (found,) = [problem for problem in problems(lab) if "key 'output'" in problem]
    assert f"stage {stage}, step 1, key 'output'" in found
    assert "does not end in .fits or .fits.gz" in found


def test_an_input_file_that_nobody_makes(lab: Lab) -> None:
    full(lab)
    text = lab.config.read_text()
    lab.config.write_text(text.replace("proton: " + lab.path("merged/dl1_proton.h5"), "proton: /x"))
    (found,) = problems(lab)
    assert "stage train_pipe, step 1, key 'input'" in found
    assert "/x does not exist, and no step that runs makes it" in found


def test_a_missing_model_directory(lab: Lab) -> None:
    full(lab)
    text = lab.config.read_text().replace("path_model: ", "path_model: /elsewhere")
    lab.config.write_text(text)
    (found,) = problems(lab)
    assert "stage dl1_to_dl2, step 1, key 'path_model'" in found
    assert "does not exist" in found


def test_a_stage_that_is_not_to_run_is_external(lab: Lab) -> None:
    small(lab)
    lab.config.write_text(lab.config.read_text().replace("- r0_to_dl1\n", ""))
    (found,) = problems(lab)
    assert f"{lab.path('dl1/node')} does not exist" in found
    write_dl1(Path(lab.path("dl1/node/x.h5")))
    assert lab.ok() == [lab.path("merged/node.h5")]


def test_what_is_not_needed_may_be_missing(lab: Lab) -> None:
    full(lab)
    write_dl1(Path(lab.path("merged/dl1_proton.h5")))
    shutil.rmtree(lab.path("dl0/proton"))
    assert lab.path("dl1/proton") not in lab.ok()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_directory_of_others(lab: Lab) -> None:
    small(lab)
    Path(lab.path("merged")).mkdir(mode=0o500)
    (found,) = problems(lab)
    assert "stage merge_dl1, step 1, key 'output'" in found
    assert f"nothing can be written below {lab.path('merged')}" in found


@root
def test_a_file_system_that_is_read_only(lab: Lab) -> None:
    small(lab)
    target = Path(lab.path("merged"))
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(target)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        (found,) = problems(lab)
        assert f"nothing can be written below {target}" in found
    finally:
        subprocess.run(["umount", str(target)], check=True)


def test_an_output_below_a_file(lab: Lab) -> None:
    Path(lab.path("file")).touch()
    small(lab, output=lab.path("file/node.h5"))
    (found,) = problems(lab)
    assert f"nothing can be written below {lab.path('file')}" in found


def joined_again(lab: Lab, options: str, stage: str = "merge_dl1") -> None:
    """DL1 joined, or processed, and processed again."""
    (lab.root / "old").mkdir()
    write_dl1(lab.root / "old" / "dl1_a.h5")
    single = stage == "merge_dl1"
    first = {"input": lab.path("old"), "output": lab.path("m/dl1_m.h5" if single else "m")}
    again = {"input": first["output"], "output": lab.path("new")}
    steps = {stage: [{**first, "options": options}]}
    lab.write({**steps, "dl1ab": [*steps.get("dl1ab", []), again]})


@pytest.mark.parametrize(
    ("options", "stage", "mend"),
    [
        ("--no-image", "merge_dl1", "take its option --no-image out"),
        ("", "dl1ab", "give it the option --image"),
    ],
)
def test_images_that_a_step_leaves_out(lab: Lab, options: str, stage: str, mend: str) -> None:
    joined_again(lab, options, stage)
    (told,) = problems(lab)
    assert "stage dl1ab" in told
    assert "key 'input': it reads images, and there are none" in told
    assert f"in what {stage} step 1" in told
    assert mend in told


@pytest.mark.parametrize(("options", "stage"), [("", "merge_dl1"), ("--image", "dl1ab")])
def test_images_that_a_step_keeps(lab: Lab, options: str, stage: str) -> None:
    joined_again(lab, options, stage)
    Session(Choices(config=str(lab.config))).check()


def test_images_that_are_left_out_upstream_of_a_split(lab: Lab) -> None:
    for name in "ab":
        write_dl1(lab.root / "old" / f"dl1_{name}.h5")
    sides = {side: lab.path(side) for side in ("train", "test")}
    lab.write(
        {
            "dl1ab": [
                {"input": lab.path("old"), "output": lab.path("x")},
                {"input": lab.path("train"), "output": lab.path("y")},
            ],
            "train_test_split": [{"input": lab.path("x"), "output": sides}],
        }
    )
    (told,) = problems(lab)
    assert f"in what dl1ab step 1 ({lab.path('x')}) makes; give it the option --image" in told


def test_an_index_of_irfs_where_they_lie(lab: Lab) -> None:
    """They come from elsewhere: their directory is not said to hold none."""
    irf = lab.root / "irf" / "node" / "irf.fits.gz"
    irf.parent.mkdir(parents=True)
    irf.write_bytes(b"x")
    lab.write({"irf_index": [{"input": lab.path("irf"), "output": lab.path("irf")}]})
    (told,) = problems(lab)
    assert "stage irf_index, step 1, key 'output'" in told
    assert f"it reads there what it makes there ({lab.path('irf')})" in told
    assert "give the output another path than the input" in told


def test_an_index_of_what_is_no_irf(lab: Lab) -> None:
    pytest.importorskip("astropy")
    write_dl1(lab.root / "dl1" / "dl1_a.h5")
    step = {"input": lab.path("dl1"), "output": lab.path("index"), "options": "--pattern *.h5"}
    lab.write({"irf_index": [step]})
    (told,) = problems(lab)
    assert f"{lab.path('dl1/dl1_a.h5')} is DL1, and a FITS file is wanted" in told


def test_a_directory_where_a_file_is_read(lab: Lab) -> None:
    for name in ("real", "mc", "dl1"):
        write_dl1(lab.root / name / "dl1_a.h5")
    keys = {f"dl1_noise_tune_{x}_run": lab.path(d) for x, d in (("data", "real"), ("mc", "mc"))}
    lab.write({"dl1ab": [{"input": lab.path("dl1"), "output": lab.path("new")}]}, **keys)
    told = problems(lab)
    assert len(told) == 2
    for path, problem in zip((lab.path("real"), lab.path("mc")), told, strict=True):
        assert "stage tune_nsb, step 1" in problem
        assert f"{path} is a directory, and a file is read; name one file" in problem


def test_what_is_told_of_the_training_is_not_told_of_what_reads_its_models(lab: Lab) -> None:
    full(lab)
    lab.configure(source_dependent=True, disp_method="disp_vector")
    (told,) = [told for told in problems(lab) if "disp_norm_sign" in told]
    assert "stage train_pipe" in told
