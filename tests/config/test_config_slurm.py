"""The section slurm_config and site profiles: what they give, and what is told about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstluigi.config import ProductionConfig, load_config
from lstluigi.config.slurm import CAUSES, PARTITION_KEYS, PROFILE_KEYS
from lstluigi.errors import ConfigError
from lstluigi.jobspec import Partition, Retries, SlurmSettings
from lstluigi.stages import SHAPES, STAGES

SITES = Path(__file__).parents[2] / "configs" / "slurm"


def write(tmp_path: Path, slurm_config: Any = None, **keys: Any) -> Path:
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "p",
        "stages_to_run": ["r0_to_dl1"],
        "stages": {"r0_to_dl1": [{"input": "/dl0", "output": "/dl1"}]},
        "slurm_config": slurm_config,
        **keys,
    }
    (tmp_path / "config.yml").write_text(json.dumps(content, indent=1))
    return tmp_path / "config.yml"


def read(tmp_path: Path, slurm_config: Any = None, site: Path | None = None) -> SlurmSettings:
    return load_config(write(tmp_path, slurm_config), SHAPES, site=site).slurm


def profile(tmp_path: Path, content: Any, name: str = "site.yml") -> Path:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    (tmp_path / name).write_text(text)
    return tmp_path / name


def problems(tmp_path: Path, slurm_config: Any = None, site: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, slurm_config, site)
    assert isinstance(caught.value.read, ProductionConfig)
    told = [str(problem) for problem in caught.value.problems]
    assert all(sentence.isprintable() for sentence in told)
    return [sentence.removeprefix(f"{tmp_path}/") for sentence in told]


EVERYTHING = {
    "user_account": "dpps",
    "site_accounts": {"dpps": "cta", "aswg": "lst"},
    "over_limits": "lower",
    "qos": "normal",
    "options": {"nice": 10, "exclude": "cp[01-03]", "exclusive": None, "-C": "avx2"},
    "plugin_options": ["x11"],
    "stages": {"merge_dl1": {"partition": "long", "time": "6:00:00", "mem": "8G"}},
    "partitions": {
        "short": "debug",
        "xxl": {"name": "big", "max_time": "3-12", "max_memory": "1.5T", "max_cpus": 64},
        "long": {"name": "long", "max_time": "UNLIMITED"},
    },
    "throttle": 100,
    "gather": 0.1,
    "interval": 0.5,
    "longest_interval": 1e2,
    "latency_wait": 0,
    "max_jobs": 2000,
    "retries": {"out_of_memory": 1, "timeout": 0, "node_fail": 5, "preempted": 9, "launch": 2,
                "command": 0},
}  # fmt: skip
EXPECTED = SlurmSettings(
    account="dpps",
    accounts={"dpps": "cta", "aswg": "lst"},
    over_limits="lower",
    qos="normal",
    options={"nice": "10", "exclude": "cp[01-03]", "exclusive": "", "constraint": "avx2"},
    plugin_options=frozenset({"x11"}),
    stages={"merge_dl1": {"partition": "long", "time": "6:00:00", "mem": "8G"}},
    partitions={
        "short": Partition("debug"),
        "xxl": Partition("big", (3 * 24 + 12) * 3600, 3 * 1024 * 1024 // 2, 64),
        "long": Partition("long"),
    },
    throttle=100,
    gather_s=0.1,
    interval_s=0.5,
    longest_interval_s=100.0,
    latency_s=0.0,
    max_jobs=2000,
    retries=Retries(memory=1, time=0, node=5, preempted=9, launch=2, command=0),
)


def test_every_key(tmp_path: Path) -> None:
    assert set(EVERYTHING) == set(PROFILE_KEYS)
    assert read(tmp_path, EVERYTHING) == EXPECTED


def test_one_account_for_all(tmp_path: Path) -> None:
    assert read(tmp_path, {"site_accounts": "cta"}).accounts == {"": "cta"}
    site = profile(tmp_path, {"site_accounts": "cta"})
    assert read(tmp_path, {"site_accounts": {"dpps": "lst"}}, site).accounts == {
        "": "cta",
        "dpps": "lst",
    }


@pytest.mark.parametrize(
    "unfit",
    [
        {"over_limits": "raise"},
        {"site_accounts": {"dpps": "a b"}},
        {"site_accounts": ["cta"]},
    ],
)
def test_unfit_accounts_and_limits(tmp_path: Path, unfit: dict[str, Any]) -> None:
    (told,) = problems(tmp_path, unfit)
    assert next(iter(unfit)) in told or "dpps" in told


def test_a_profile_has_the_same_keys(tmp_path: Path) -> None:
    site = profile(tmp_path, EVERYTHING)
    assert read(tmp_path, {"site": "site.yml"}) == EXPECTED
    assert read(tmp_path, site=site) == EXPECTED


def test_options_that_plugins_add(tmp_path: Path) -> None:
    """Those that either the profile or the production names may be given in both."""
    site = profile(tmp_path, {"plugin_options": ["x11"], "options": {"tent": "1"}})
    own = {"plugin_options": ["tent"], "stages": {"merge_dl1": {"x11": None}}}
    given = read(tmp_path, own, site)
    assert (given.options, given.stages["merge_dl1"]) == ({"tent": "1"}, {"x11": ""})


@pytest.mark.parametrize("nothing", [None, {}, dict.fromkeys(PROFILE_KEYS)])
def test_nothing_given(tmp_path: Path, nothing: Any) -> None:
    assert read(tmp_path, nothing) == SlurmSettings()
    assert read(tmp_path, site=profile(tmp_path, nothing)) == SlurmSettings()


def test_only_an_account_as_real_configs_have_it(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, {"user_account": "dpps"}), SHAPES)
    assert config.slurm == SlurmSettings(account="dpps")
    assert config.slurm.account == "dpps"
    assert load_config(write(tmp_path), SHAPES).slurm.account is None


def test_an_empty_profile(tmp_path: Path) -> None:
    assert read(tmp_path, site=profile(tmp_path, "# nothing yet\n")) == SlurmSettings()


# the production on top of the site


def test_keys_of_the_production_go_on_top(tmp_path: Path) -> None:
    profile(tmp_path, EVERYTHING)
    own = {
        "site": "./site.yml",
        "user_account": "aswg",
        "options": {"nice": 0},
        "stages": {"merge_dl1": {"mem": "16G"}, "dl1_to_dl2": {"mem": "60G"}},
        "partitions": {"xxl": {"name": "huge", "max_cpus": 8}},
        "latency_wait": 5,
        "retries": {"command": 3},
    }
    assert read(tmp_path, own) == SlurmSettings(
        account="aswg",
        accounts={"dpps": "cta", "aswg": "lst"},
        over_limits="lower",
        qos="normal",
        options={"nice": "0", "exclude": "cp[01-03]", "exclusive": "", "constraint": "avx2"},
        plugin_options=frozenset({"x11"}),
        stages={
            "merge_dl1": {"partition": "long", "time": "6:00:00", "mem": "16G"},
            "dl1_to_dl2": {"mem": "60G"},
        },
        # A partition is given whole: the limits of another one say nothing about it.
        partitions={**EXPECTED.partitions, "xxl": Partition("huge", cpus=8)},
        throttle=100,
        gather_s=0.1,
        interval_s=0.5,
        longest_interval_s=100.0,
        latency_s=5.0,
        max_jobs=2000,
        retries=Retries(1, 0, 5, 9, 2, command=3),
    )


def test_a_site_from_outside_beats_the_configs_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(tmp_path, {"throttle": 1, "qos": "one"}, "one.yml")
    profile(tmp_path, {"throttle": 2}, "two.yml")
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    assert read(tmp_path, {"site": "one.yml"}).throttle == 1
    given = read(tmp_path, {"site": "one.yml"}, site=Path("../two.yml"))
    assert (given.throttle, given.qos) == (2, None)
    assert read(tmp_path, {"site": "absent.yml"}, site=tmp_path / "two.yml").throttle == 2


def test_a_default_of_retries_stays_where_none_is_given(tmp_path: Path) -> None:
    site = profile(tmp_path, {"retries": {"timeout": 7}})
    assert read(tmp_path, {"retries": {"launch": 0}}, site).retries == Retries(time=7, launch=0)


# what is wrong


@pytest.mark.parametrize(
    ("given", "key", "words"),
    [
        ({"account": "dpps"}, "account", "'user_account'"),
        ({"user_acount": "dpps"}, "user_acount", "'user_account'"),
        ({"user_account": "a b"}, "user_account", "no name to Slurm"),
        ({"user_account": "-x"}, "user_account", "no name to Slurm"),
        ({"user_account": ""}, "user_account", "no name to Slurm"),
        ({"user_account": "été"}, "user_account", "no name to Slurm"),
        ({"user_account": ["dpps"]}, "user_account", "expected a string"),
        ({"qos": "high;id"}, "qos", "no name to Slurm"),
        ({"throttle": 0}, "throttle", "whole number from 1"),
        ({"throttle": -1}, "throttle", "whole number from 1"),
        ({"throttle": "%100"}, "throttle", "whole number"),
        ({"throttle": "9" * 5000}, "throttle", "whole number"),
        ({"max_jobs": 1.5}, "max_jobs", "whole number"),
        ({"max_jobs": "²"}, "max_jobs", "whole number"),
        ({"interval": "30s"}, "interval", "number of seconds"),
        ({"interval": 0}, "interval", "number of seconds"),
        ({"interval": "nan"}, "interval", "number of seconds"),
        ({"latency_wait": "inf"}, "latency_wait", "number of seconds"),
        ({"latency_wait": -1}, "latency_wait", "number of seconds"),
        ({"interval": 300}, "interval", "shorter than the interval (300 s)"),
        ({"interval": 9, "longest_interval": 8}, "longest_interval", "interval (8 s) is shorter"),
        ({"options": "-p long"}, "options", "expected a mapping"),
        ({"options": {"mem": "lots"}}, "options.mem", "memory 'lots'"),
        ({"options": {"cpus-per-task": 0}}, "options.cpus-per-task", "whole number from 1"),
        ({"options": {"time": "1h"}}, "options.time", "time '1h'"),
        ({"options": {"array": "1-3"}}, "options.array", "sets the sbatch option array itself"),
        ({"options": {"partition": "a b"}}, "options.partition", "no name to Slurm"),
        ({"options": {"nodelst": "a"}}, "options.nodelst", "'nodelist'"),
        ({"plugin_options": "foo"}, "plugin_options", "expected a list"),
        ({"stages": {"merge_dl1": {"o": "x"}}}, "stages.merge_dl1.o", "sets the sbatch option out"),
        ({"stages": {"merge_dl": {}}}, "stages.merge_dl", "'merge_dl1'"),
        ({"stages": {"merge_dl1": "8G"}}, "stages.merge_dl1", "expected a mapping"),
        ({"stages": ["merge_dl1"]}, "stages", "expected a mapping"),
        ({"partitions": "short"}, "partitions", "expected a mapping"),
        ({"partitions": {"short": None}}, "partitions.short", "missing"),
        ({"partitions": {"short": ["debug"]}}, "partitions.short", "expected a string"),
        ({"partitions": {"short": "a b"}}, "partitions.short", "no name to Slurm"),
        ({"partitions": {"a b": "short"}}, "partitions.a b", "no name to Slurm"),
        ({"partitions": {"xxl": {"max_cpus": 1}}}, "partitions.xxl.name", "missing"),
        ({"partitions": {"xxl": {"name": "x", "time": 1}}}, "partitions.xxl.time", "'max_time'"),
        (
            {"partitions": {"xxl": {"name": "x", "max_time": "1 day"}}},
            "partitions.xxl.max_time",
            "time '1 day'",
        ),
        (
            {"partitions": {"xxl": {"name": "x", "max_memory": "big"}}},
            "partitions.xxl.max_memory",
            "memory 'big'",
        ),
        (
            {"partitions": {"xxl": {"name": "x", "max_cpus": 0}}},
            "partitions.xxl.max_cpus",
            "whole number from 1",
        ),
        ({"retries": 3}, "retries", "expected a mapping"),
        ({"retries": {"oom": 3}}, "retries.oom", "known here"),
        ({"retries": {"time_out": 3}}, "retries.time_out", "'timeout'"),
        ({"retries": {"timeout": -1}}, "retries.timeout", "whole number from 0"),
    ],
)
def test_one_problem(tmp_path: Path, given: Any, key: str, words: str) -> None:
    (in_config,) = problems(tmp_path, given)
    assert in_config.startswith("config.yml, line ")
    assert f", key 'slurm_config.{key}': " in in_config
    assert words in in_config
    (in_profile,) = problems(tmp_path, site=profile(tmp_path, given))
    assert in_profile.startswith("site.yml, line ")
    assert f", key '{key}': " in in_profile
    assert words in in_profile


@pytest.mark.parametrize(
    "hostile", ["a\nb", "a\x1b[31m", "a\u202eb", "$(id)", "`id`", "a b", "a;b"]
)
def test_hostile_names(tmp_path: Path, hostile: str) -> None:
    for given in (
        {"user_account": hostile},
        {"qos": hostile},
        {"options": {"account": hostile}},
        {"options": {hostile: "x"}},
        {"stages": {hostile: {}}},
        {"stages": {"merge_dl1": {"partition": hostile}}},
        {"partitions": {"short": hostile}},
        {"partitions": {hostile: "short"}},
        {"partitions": {"short": {"name": hostile}}},
        {"retries": {hostile: 1}},
        {hostile: 1},
        {"site": f"/{hostile}"},
    ):
        assert len(problems(tmp_path, given)) == 1, given


def test_a_line_for_slurm_cannot_be_smuggled_in(tmp_path: Path) -> None:
    (sentence,) = problems(tmp_path, {"options": {"constraint": "x\n#SBATCH --uid=0"}})
    assert "control character" in sentence


def test_every_problem_with_its_file_line_and_key(tmp_path: Path) -> None:
    profile(tmp_path, "throttle: no\npartitions:\n  long:\n    name: long\n    max_tim: 1\n")
    found = problems(tmp_path, {"retrys": {}, "site": "site.yml", "qos": "?"})
    assert [sentence.partition(": ")[0] for sentence in found] == [
        "config.yml, line 16, key 'slurm_config.retrys'",
        "site.yml, line 1, key 'throttle'",
        "site.yml, line 5, key 'partitions.long.max_tim'",
        "config.yml, line 18, key 'slurm_config.qos'",
    ]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("- short\n", "line 1", "the site profile is a list"),
        ("short\n", "line 1", "the site profile is a string"),
        ("a: [\n", "line 2", "not YAML"),
        ("slurm_config:\n  throttle: 1\n", "line 1, key 'slurm_config'", "unknown"),
        ("site: other.yml\n", "line 1, key 'site'", "unknown"),
        ("qos: a\nqos: b\n", "line 2, key 'qos'", "first defined on line 1"),
    ],
)
def test_what_is_no_profile(tmp_path: Path, content: str, place: str, words: str) -> None:
    (sentence,) = problems(tmp_path, {"site": profile(tmp_path, content).name})
    assert sentence.startswith(f"site.yml, {place}: ")
    assert words in sentence


@pytest.mark.parametrize("absent", ["absent.yml", "."])
def test_no_profile_where_one_is_named(tmp_path: Path, absent: str) -> None:
    (sentence,) = problems(tmp_path, {"site": absent})
    assert sentence.startswith("config.yml, line 16, key 'slurm_config.site': there is no file")
    (sentence,) = problems(tmp_path, site=tmp_path / absent)
    assert sentence.startswith("--site or $LSTLUIGI_SITE: there is no file")


# the profiles that come with lstluigi

SITE_FILES = sorted(SITES.glob("*.yml"))


@pytest.mark.parametrize("site", SITE_FILES, ids=lambda path: path.stem)
def test_a_site_of_ours(tmp_path: Path, site: Path) -> None:
    given = read(tmp_path, site=site)
    assert set(given.partitions) == {"short", "long", "xxl"}
    # What a stage asks for where nobody says otherwise has a place at each site.
    wanted = {dict(stage.resources.options).get("partition", "short") for stage in STAGES.values()}
    assert wanted <= set(given.partitions)


def test_a_laptop_has_one_partition_and_is_small(tmp_path: Path) -> None:
    (partition,) = set(read(tmp_path, site=SITES / "laptop.yml").partitions.values())
    assert partition.time_s is not None
    assert partition.memory_mb is not None


def test_la_palma_throttles_as_lstmcpipe_does(tmp_path: Path) -> None:
    assert read(tmp_path, site=SITES / "lapalma.yml").throttle == 100


def test_retries_and_partitions_have_a_key_for_each_field() -> None:
    assert len(CAUSES) == len(Retries.__dataclass_fields__)
    assert len(PARTITION_KEYS) == len(Partition.__dataclass_fields__)
