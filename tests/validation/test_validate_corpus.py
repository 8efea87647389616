"""The productions of 2021-2025, each with its verdict, read off the files and their readmes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.config.find import config_files
from lstluigi.validation import Report, validate

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "production_corpus"

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="../shared/data/production_corpus is absent"
)

LEGACY = ("key 'stages_to_be_run': this is the format of 2021-22",)
NO_DATE = "has no date"
NO_VERSION = "does not say the version"
NAME = "give both the same name"
PERSON = "the readme names a person"
OTHER_VERSION = "let both name the same"
OLD_KEYS = "lstchain 0.12.3 does not know these keys"
NO_README = "there is no readme.md"
IDLE_NOISE = "dl1ab, which alone heeds it, does not run"
NO_SOURCE_DEP = "source_dependent is true, and the options have no --source-dep"
NOT_MADE = "no step makes it; the nearest that"
LOST = "that proton has not, such as zenith 7.093 deg"
MUONS = "the integration correction of GlobalPeakWindowSum"

#: Directory: what it is refused for, and what is odd about it.
VERDICTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "20210416_v0.7.3_prod5_trans_80_local_taicut_8_4": (LEGACY, ()),
    "20210923_v0.7.5_prod5_trans_80_dynamic_cleaning": (LEGACY, ()),
    "20220218_v0.9.2_prod5_trans_80_dl1ab_tune_MC_to_Crab": (LEGACY, ()),
    # models of dec_3476 and dec_4822, which it does not train
    "20220511_v0.9.6_allsky_std": ((), (OLD_KEYS, NAME, NO_VERSION, NOT_MADE, NOT_MADE)),
    "20220523_allsky_std": ((), (OLD_KEYS, NO_VERSION)),
    # trains without protons of these pointings
    "20220523_src3_dec3476_4822_tuned_nsb": (
        (),
        (OLD_KEYS, NAME, NO_DATE, NO_VERSION, LOST),
    ),
    "20220527_allsky_std_src2_diffgamma": ((), (OLD_KEYS, NAME, NO_VERSION)),
    "20220601_dec3476_tuned": ((), (OLD_KEYS, NO_VERSION)),
    "20220902_crab_test_nodes": ((), (OLD_KEYS, IDLE_NOISE, NO_VERSION)),
    "20220913_crab_test_nodes_tuned": ((), (OLD_KEYS, NO_VERSION)),
    "20221006_src3_test_nodes": ((), (OLD_KEYS, NO_VERSION)),
    "20221025_src4_high_NSB_LZA": ((), (OLD_KEYS, NO_VERSION)),
    "20221027_v0.9.9_crab_tuned": ((), (OLD_KEYS, PERSON)),
    "20221108_galsource_min_413_tuned_nsb": ((), (OLD_KEYS, NO_VERSION)),
    "20221212_v0.9.6_src4_high_NSB_LZA": ((), (OLD_KEYS,)),
    "20230124_src6_dec2276_tuned": ((), (OLD_KEYS, NO_SOURCE_DEP, NO_VERSION)),
    "20230315_src_dec2276_tuned_nsb": ((), (OLD_KEYS, NO_VERSION)),
    "20230414_v0.9.13_dec_931_az_tel": ((), (OLD_KEYS,)),
    "20230517_v0.9.13_large_offset": (
        ("stage merge_dl1: expected a list of steps, got a mapping",),
        (OLD_KEYS, PERSON),
    ),
    "20230529_v0.9.13_src4_full_line": ((), (OLD_KEYS, IDLE_NOISE)),
    "20230601_v0.9.13_src7_darkNSB": ((), (OLD_KEYS,)),
    "20230901_v0.10.4_allsky_base_prod": ((), (OLD_KEYS,)),
    "20230927_v0.10.4_crab_tuned": ((), (OLD_KEYS, PERSON)),
    "20231024_v0.10.4_base_dec_min_2924_min_1802_6166": ((), (OLD_KEYS, PERSON)),
    "20240122_v0.10.4_prod5_trans_80": (
        (
            "off0.4deg/train is made by train_test_split step 2, too",
            "off0.4deg/test is made by train_test_split step 2, too",
        ),
        (OLD_KEYS, NAME, OTHER_VERSION, PERSON),
    ),
    "20240131_allsky_v0.10.5_all_dec_base": ((), (OLD_KEYS, PERSON)),
    "20240219_allsky_v0.10.7_all_dec_srcdep_base": ((), (OLD_KEYS, PERSON)),
    "20240235_v0.10.5_dec_931_dec_min_2924_dec_3476": ((), (OLD_KEYS, NAME, PERSON)),
    "20240430_v0.10.4_src9_dec3476_tuned": ((), (OLD_KEYS, IDLE_NOISE, OTHER_VERSION)),
    # splits a training node that lstmcpipe's dl1ab generator lost
    "20240716_v0.10.7_src10_dec3476_tuned": ((), (OLD_KEYS, NOT_MADE, LOST)),
    "20240821_v0.10.11_src14_dec2276_tuned": ((), (OLD_KEYS, OTHER_VERSION)),
    "20240917_v0.10.12_src15_dec_min_2924_tuned": ((), (OLD_KEYS, PERSON)),
    "20240918_v0.10.12_allsky_nsb_grid": ((), (OLD_KEYS, NO_README)),
    "nsb_psf_tuned_zen40_src2": (LEGACY, ()),
    "psf_tuned_zen20": (LEGACY, ()),
    "template_prod": (
        (
            "key 'ouput': the key is unknown; write 'output'",
            "key 'input': the value is missing",
            "key 'output': the value is missing",
        ),
        (OLD_KEYS, MUONS, NAME, NO_DATE, NO_VERSION),
    ),
}


def test_every_production_has_a_verdict() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} == set(VERDICTS)


@pytest.mark.parametrize("directory", VERDICTS)
def test_verdict(directory: str) -> None:
    errors, warnings = VERDICTS[directory]
    for config in config_files(CORPUS / directory):
        report = validate(config)
        _told(errors, list(map(str, report.errors)))
        _told(warnings, list(map(str, report.warnings)))
        assert _steps(report) > 0 or errors


def _told(expected: tuple[str, ...], sentences: list[str]) -> None:
    assert len(sentences) == len(expected), sentences
    for words in expected:
        assert any(words in sentence for sentence in sentences), (words, sentences)


def _steps(report: Report) -> int:
    return sum(report.stages.values())
