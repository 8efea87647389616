"""Productions that equal a request, or nearly."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from library_lab import CORPUS, LINE, NODES, SETTINGS, add, config, steps

from lstluigi.errors import LstluigiError
from lstluigi.files import Listing
from lstluigi.library.index import productions
from lstluigi.library.likeness import Likeness, Names, Overlap
from lstluigi.library.near import likenesses, request_of
from lstluigi.library.show import like_lines


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """My own config, outside the library."""
    return add(tmp_path / "mine", "request", config("mine")) / "lstmcpipe_config.yml"


def settings(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SETTINGS), **changes}


def compare(library: Path, request: Path) -> list[Likeness]:
    likes, _ = likenesses(productions(str(library)), request_of(request))
    return likes


def test_the_same_under_another_name(library: Path, mine: Path) -> None:
    reordered = dict(reversed(SETTINGS.items()))
    # written as another program might
    reordered["tailcut"] = {"boundary_thresh": 4.0, "picture_thresh": 8.0}
    stages = steps("theirs", nodes=tuple(name.replace("_corsika", "") for name in NODES))
    add(library, "theirs", config("theirs", stages=stages), reordered)
    (like,) = compare(library, mine)
    assert like.equal
    assert like.nodes == {LINE: Overlap(2, 0, 0), "test": Overlap(1, 0, 0)}


def test_what_differs_is_named(library: Path, mine: Path) -> None:
    features = ["log_intensity", "width", "length", "wl", "az_tel"]
    tuned = {"increase_nsb": True, "transition_charge": 8}
    theirs = settings(energy_regression_features=features, image_modifier=tuned)
    add(library, "theirs", config("theirs"), theirs)
    (like,) = compare(library, mine)
    assert like.differences == [
        "energy_regression_features: -az_tel +alt_tel",
        "image_modifier.increase_nsb: True -> absent",
        "image_modifier.transition_charge: 8 -> absent",
    ]
    assert (like.settings, like.shared, like.equal, like.near) == (8, 1.0, False, False)


def test_true_is_not_one_and_order_counts(library: Path, mine: Path) -> None:
    features = list(reversed(SETTINGS["energy_regression_features"]))
    tuning = {"nsb_tuning": 0, "nsb_tuning_rate_GHz": 0.15}
    theirs = settings(energy_regression_features=features, waveform_nsb_tuning=tuning)
    add(library, "theirs", config("theirs"), theirs)
    (like,) = compare(library, mine)
    assert like.differences == [
        "energy_regression_features: in another order or number",
        "waveform_nsb_tuning.nsb_tuning: 0 -> False",
    ]


def test_nodes_are_compared_by_angle(library: Path, mine: Path) -> None:
    near = "node_theta_16.09_az_108.09_"
    far = "node_theta_16.087_az_108.390_"  # 0.3 deg of azimuth, 0.08 deg of angle
    for name, second in (("near", near), ("far", far)):
        add(library, name, config(name, stages=steps(name, nodes=(NODES[0], second))))
    nearest, farther = compare(library, mine)
    assert (nearest.production.name, nearest.equal) == ("near", True)
    assert farther.nodes is not None
    assert farther.nodes[LINE] == Overlap(1, 1, 1)
    assert farther.shared == pytest.approx(2 / 4)


def test_lines_and_stages_come_before_settings(library: Path, mine: Path) -> None:
    other = settings(image_extractor="GlobalPeakWindowSum")
    add(library, "same_settings_other_line", config("a", stages=steps("a", line="dec_931")))
    short = {stage: done for stage, done in steps("b").items() if stage != "dl2_to_irfs"}
    add(library, "same_settings_no_irfs", config("b", stages=short))
    add(library, "other_settings", config("c"), other)
    likes = compare(library, mine)
    assert [like.production.name for like in likes] == [
        "other_settings",
        "same_settings_no_irfs",
        "same_settings_other_line",
    ]
    assert likes[1].stages == Names(list(short), [], ["dl2_to_irfs"])
    assert likes[2].lines == Names([], ["dec_931"], [LINE])
    assert not likes[1].holds_mine
    assert not likes[2].near


def test_a_base_production_with_my_line_among_others_has_all_of_mine(
    library: Path, mine: Path
) -> None:
    stages = steps("base")
    for line in ("dec_931", "dec_3476", "dec_4822"):
        for stage, more in steps("base", line=line).items():
            stages[stage] += [step for step in more if step not in stages[stage]]
    add(library, "base", config("base", stages=stages))
    (like,) = compare(library, mine)
    assert like.lines is not None
    assert (like.lines.both, len(like.lines.theirs), like.lines.mine) == ([LINE], 3, [])
    assert (like.near, like.holds_mine, like.equal) == (True, True, False)
    assert list(like_lines([like], Listing())) == [
        "base: it has all of mine; use it instead of asking for another",
        "  lines, only theirs: dec_931, dec_3476, dec_4822",
    ]


def test_no_line_and_no_node_is_not_all_of_them(library: Path, mine: Path) -> None:
    """A request for a single pointing, as prod5, is not served by an all-sky production."""
    stages = {"train_pipe": [{"input": {"gamma": "/x/g.h5", "proton": "/x/p.h5"}, "output": "/m"}]}
    mine.write_text(yaml.safe_dump(config("mine", stages=stages)))
    add(library, "all-sky")
    add(library, "single", config("single", stages=stages))
    likes = compare(library, mine)
    assert [(like.production.name, like.holds_mine) for like in likes] == [
        ("single", True),
        ("all-sky", False),
    ]


def test_another_version_of_lstchain_is_not_equal(library: Path, mine: Path) -> None:
    environment = {"source_file": "/conda.sh", "conda_env": "lstchain-v0.9.6"}
    add(library, "theirs", config("theirs", source_environment=environment))
    (like,) = compare(library, mine)
    assert not like.holds_mine
    assert (like.versions, like.equal, like.near) == (("0.9.6", "0.10.12"), False, True)


def test_a_config_is_not_compared_with_itself(library: Path) -> None:
    own = add(library, "own") / "lstmcpipe_config.yml"
    add(library, "copy")
    assert [like.production.name for like in compare(library, own)] == ["copy"]


def test_an_lstchain_config_alone(library: Path, mine: Path) -> None:
    add(library, "theirs")
    (like,) = compare(library, mine.parent / "lstchain_config.json")
    assert like.nodes is None
    assert like.equal


def test_a_production_is_not_near_itself_by_another_path(library: Path, tmp_path: Path) -> None:
    add(library, "mine", config("mine"))
    link = tmp_path / "link"
    link.symlink_to(library)
    assert compare(library, link / "mine" / "lstmcpipe_config.yml") == []
    assert compare(link, library / "mine" / "lstmcpipe_config.yml") == []


def test_productions_without_settings_are_counted(library: Path, mine: Path) -> None:
    add(library, "theirs", settings=None)
    likes, others = likenesses(productions(str(library)), request_of(mine))
    assert (likes, [other.name for other in others]) == ([], ["theirs"])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yml", "name: x", "is no production config"),
        ("a.yml", "prod_id: [", "is not YAML"),
        ("a.json", "[]", "does not hold a JSON object"),
        ("a.json", '{"name": 1}', "is no lstchain config"),
        ("a.txt", "hello", "is not JSON"),
        ("absent.yml", None, "cannot be read"),
        ("absent.json", None, "cannot be read"),
    ],
)
def test_what_is_nothing_to_compare(
    name: str, text: str | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(LstluigiError, match=words) as caught:
        request_of(file)
    assert "\n" not in str(caught.value)


def test_a_production_config_without_an_lstchain_config(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text(yaml.safe_dump(config("x")))
    with pytest.raises(LstluigiError, match="is not known"):
        request_of(file)
    (tmp_path / "lstchain.json").write_text(json.dumps(SETTINGS))
    own = request_of(file).own
    assert own is not None
    assert own.nodes


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS} is absent")
def test_a_duplicate_of_2022() -> None:
    """Asked for twice within two months, with the same settings and nodes; lstchain differs."""
    (first,) = (CORPUS / "20221025_src4_high_NSB_LZA").glob("*.yaml")
    nearest = compare(CORPUS, first)[0]
    assert nearest.production.name == "20221212_v0.9.6_src4_high_NSB_LZA"
    assert (nearest.differences, nearest.shared) == ([], 1.0)
    assert nearest.versions == ("0.9.6", "0.9.9")
