"""Write down what the installed lstchain accepts: options of its commands, keys of its configs.

    python tools/lstchain_catalogue.py

It is run when the pinned lstchain changes; `lstluigi validate` reads what it writes, so that it
needs no lstchain itself. A test compares the file with the installed lstchain.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import json
import runpy
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "lstluigi" / "validation" / "lstchain_catalogue.json"
#: lstchain's commands of the stages, and lstluigi's own scripts.
COMMANDS = (
    "lstchain_mc_r0_to_dl1",
    "lstchain_dl1ab",
    "lstchain_merge_hdf5_files",
    "lstchain_mc_trainpipe",
    "lstchain_dl1_to_dl2",
    "lstchain_create_irf_files",
)
SCRIPTS = ("sensitivity.py", "plot_importance.py")
#: Configs that come with lstchain and together hold all that it reads from them.
CONFIGS = ("standard", "mc", "src_dep", "dl1ab_tune_MC_to_Crab", "lhfit")
#: Keys that lstchain's code reads and none of these configs has (modifier.py, DataWriter's place).
READ_TOO = {"waveform_nsb_tuning": ("target_data",)}
#: Columns that lstchain computes while it trains and reconstructs (dl1_to_dl2.py), beside features.
COMPUTED = (
    "alpha",
    "expected_src_x",
    "expected_src_y",
    "reco_disp_dx",
    "reco_disp_dy",
    "reco_disp_sign_proba",
    "reco_src_x",
    "reco_src_y",
)
#: What lstchain computes while it reconstructs, beside these (dl1_to_dl2.py), and for the IRFs
#: (lstchain_create_irf_files.py) before it selects events.
RECONSTRUCTED = ("gammaness", "reco_alt", "reco_az", "reco_energy", "reco_type")
FOR_IRFS = ("reco_source_fov_offset", "theta", "true_source_fov_offset", "weight")
#: Columns under the names of pyirf (read_mc_dl2_to_QTable).
RENAMED = {
    "gammaness": "gh_score",
    "mc_alt": "true_alt",
    "mc_alt_tel": "pointing_alt",
    "mc_az": "true_az",
    "mc_az_tel": "pointing_az",
    "mc_energy": "true_energy",
}
#: Settings of a base class reach the classes below it.
ALSO = {"EventSource": ("LSTEventSource", "SimTelEventSource")}
#: Sections that go whole to a class under another name.
CLASS_OF = {"lh_fit_config": "TimeWaveformFitter"}
#: Sections that take any keys: what they are handed to differs.
OPEN = ("volume_reducer.parameters",)
#: Sections whose keys are columns with a range for each (reco/utils.py, filter_events).
FILTERS = {"events_filters": "dl1", "EventSelector.filters": "dl2"}
Leaf = dict[str, Any]

_RANGE: Leaf = {"kind": "range", "needed": True}
_TELESCOPES: Leaf = {"least": 1, "of": {"kind": "integer", "min": 1}, "needed": True}
#: What no trait says and the code asks for, by the path of a value.
LIMITS: Mapping[str, Leaf] = {
    "*_features": {"least": 1, "needed": True},
    # the ids look telescopes up (r0_to_dl1.py, image/modifier.py, io/event_selection.py)
    "allowed_tels": _TELESCOPES,
    "source_config.LSTEventSource.allowed_tels": _TELESCOPES,
    "DL3Cuts.allowed_tels": _TELESCOPES,
    "EventSelector.finite_params": {"columns": "dl2"},
    "train_gamma_src_r_deg": _RANGE,
    # sizes of train_test_split: numbers of events, or shares of them (dl1_to_dl2.py); a share of
    # 1.0 divides nothing where the code asks for it beforehand
    **{
        f"n_training_events.{name}": {
            "one_of": [{"kind": "integer", "min": 1}, {"kind": "decimal", "above": 0, bound: 1}]
        }
        for name, bound in {
            "gamma_classifier": "below",
            "gamma_regressors": "max",
            "gamma_tmp_regressors": "below",
            "proton_classifier": "max",
        }.items()
    },
    "random_forest_*.n_jobs": {"not": [0]},  # joblib's Parallel
    "mc_image_scaling_factor": {"kind": "finite", "above": 0},
    "n_off_wobble": {"kind": "integer", "min": 1},
    "waveform_nsb_tuning.nsb_tuning_rate_GHz": {"kind": "finite", "min": 0},
    "waveform_nsb_tuning.pre_computed_multiplicity": {"kind": "integer", "min": 0},
    "waveform_nsb_tuning.spe_location": {"kind": "text"},
    "waveform_nsb_tuning.target_data": {"kind": "text"},
    "image_modifier.*_*_*": {"kind": "finite"},
    "tailcut*.*_thresh": {"kind": "finite"},
    "tailcut*.delta_time": {"kind": "finite", "min": 0},
    "tailcut*.min_number_picture_neighbors": {"kind": "integer", "min": 0},
    "*.window_width": {"min": 1},
    "source_config.*.max_events": {"min": 1},
    "DataBinning.*_n_bins": {"min": 1},
    "DataBinning.*_n_edges": {"min": 2},
    # percentiles are made of them
    "DL3Cuts.gh_efficiency": {"min": 0, "max": 1},
    "DL3Cuts.*_containment": {"min": 0, "max": 1},
    "DL3Cuts.min_event_p_en_bin": {"kind": "finite", "min": 0},
}


class _Found(Exception):
    """The parser of a command."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def catalogue() -> dict[str, Any]:
    """Everything, as it is written."""
    return {
        "lstchain": version("lstchain"),
        "commands": {name: dict(command) for name, command in _commands()},
        "config": _config(),
        "columns": _columns(),
        "standard": _standard(),
    }


# ---- commands


def _commands() -> Iterator[tuple[str, Mapping[str, Any]]]:
    scripts = {script.name: script for script in entry_points(group="console_scripts")}
    for name in COMMANDS:
        module = importlib.import_module(scripts[name].module)
        tools = [tool for tool in vars(module).values() if _is_tool(tool, module.__name__)]
        yield name, _tool(tools[0]) if tools else _argparse(_parser_of(scripts[name].load()))
    for name in SCRIPTS:
        path = str(ROOT / "lstluigi" / "stages" / "scripts" / name)
        yield (
            name,
            _argparse(_parser_of(lambda path=path: runpy.run_path(path, run_name="__main__"))),
        )


def _is_tool(value: Any, module: str) -> bool:
    from ctapipe.core import Tool

    return isinstance(value, type) and issubclass(value, Tool) and value.__module__ == module


def _parser_of(main: Any) -> argparse.ArgumentParser:
    """The parser that a command uses, caught when it is about to be used."""

    def caught(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise _Found(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", caught):
        try:
            main()
        except _Found as found:
            return found.parser
    raise SystemExit(f"{main} has parsed no arguments")


def _argparse(parser: argparse.ArgumentParser) -> dict[str, Any]:
    kinds = {int: "integer", float: "number"}
    options = [
        _option(action, {"kind": kinds.get(action.type, "text"), **_choices(action.choices)})
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    ]
    words = sum(not action.option_strings for action in parser._actions)
    return {"words": words, "options": options}


def _tool(tool: Any) -> dict[str, Any]:
    """Options of a ctapipe Tool: flags, aliases, and every trait of its classes."""
    from traitlets.config.loader import KVArgParseConfigLoader

    made = tool()
    flags, aliases = made.flatten_flags()
    loader = KVArgParseConfigLoader([], aliases=aliases, flags=flags, classes=made.classes)
    loader.load_config([])
    traits = {
        f"{cls.__name__}.{name}": trait
        for cls in made.classes
        for name, trait in cls.class_traits(config=True).items()
    }
    options = []
    for action in loader.parser._actions:
        if action.option_strings and action.dest != "help":
            trait = traits.get(action.dest.replace("__DOT__", "."))
            target = action.dest.replace("__DOT__", ".")
            leaf = _limited(target, _trait(trait))
            options.append({**_option(action, leaf), "target": target})
    by_target: dict[str, dict[str, Any]] = {}
    for option in options:  # -o and --output are two actions there
        if option["target"] in by_target:
            by_target[option["target"]]["names"] += option["names"]
        else:
            by_target[option["target"]] = option
    for name, trait in traits.items():
        leaf = {"names": [], "takes": "1", **_limited(name, _trait(trait))}
        by_target.setdefault(name, leaf)["names"].append(f"--{name}")
    told = [{k: v for k, v in option.items() if k != "target"} for option in by_target.values()]
    return {"words": 0, "options": told}


def _option(action: argparse.Action, leaf: Leaf) -> dict[str, Any]:
    takes = "1" if action.nargs is None else str(action.nargs)
    names = list(action.option_strings)
    return {"names": names, "takes": takes, **({} if takes == "0" else leaf)}


def _choices(choices: Any) -> dict[str, Any]:
    return {} if choices is None else {"choices": [str(choice) for choice in choices]}


# ---- configs


def _config() -> dict[str, Any]:
    """Tree of keys: a section has `keys`, a value has a `kind`."""
    import lstchain

    data = Path(lstchain.__file__).parent / "data"
    tree: dict[str, Any] = {"keys": {}}
    for name in CONFIGS:
        given = json.loads((data / f"lstchain_{name}_config.json").read_text())
        _learn(tree["keys"], given)
    for section, keys in READ_TOO.items():
        tree["keys"][section]["keys"].update({key: {"kind": "any"} for key in keys})
    _learn_forests(tree["keys"])
    classes = _classes()
    for name in sorted(_at_the_top(classes)):
        tree["keys"].setdefault(name, {"keys": {}})
    tree["keys"]["source_config"]["keys"].setdefault("SimTelEventSource", {"keys": {}})
    _learn_classes(tree["keys"], classes)
    for path in OPEN:
        _put(tree, path, {"kind": "any"})
    for path, level in FILTERS.items():
        _put(tree, path, {"columns": level, "of": _RANGE})
    return _within_limits(tree, "")


def _put(tree: dict[str, Any], path: str, entry: Leaf) -> None:
    *sections, name = path.split(".")
    for section in sections:
        tree = tree["keys"][section]
    tree["keys"][name] = entry


def _within_limits(entry: dict[str, Any], path: str) -> dict[str, Any]:
    """The tree with what `LIMITS` adds to its leaves."""
    if "keys" not in entry:
        return _limited(path, entry)
    below = f"{path}." if path else ""
    keys = {name: _within_limits(inner, f"{below}{name}") for name, inner in entry["keys"].items()}
    return {"keys": keys}


def _limited(path: str, leaf: Leaf) -> Leaf:
    """A leaf with its limits; of several that a value may be, the first is the one they are of."""
    for pattern, limits in LIMITS.items():
        if _is_path(path, pattern):
            if "one_of" in limits:
                leaf = limits
            elif "one_of" in leaf:
                first, *others = leaf["one_of"]
                leaf = {**leaf, "one_of": [{**first, **limits}, *others]}
            else:
                leaf = {**leaf, **limits}
    return leaf


def _learn(keys: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, dict):
            section = keys.setdefault(name, {})
            if "keys" not in section:
                section.clear()
                section["keys"] = {}
            _learn(section["keys"], value)
        elif name not in keys or keys[name] == {"kind": "any"}:
            keys[name] = {"kind": _kind(value)}


def _kind(value: Any) -> str:
    kinds = {bool: "flag", int: "number", float: "number", str: "text", list: "list"}
    return kinds.get(type(value), "any")


def _learn_forests(keys: dict[str, Any]) -> None:
    """Arguments of scikit-learn's forests, which take texts and numbers alike."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    for name in [name for name in keys if name.startswith("random_forest_") and "_args" in name]:
        forest = RandomForestClassifier if "classifier" in name else RandomForestRegressor
        keys[name] = {
            "keys": {
                key: _constrained(limits)
                for key, limits in forest._parameter_constraints.items()
                if key in forest().get_params()
            }
        }


def _is_path(path: str, pattern: str) -> bool:
    """Does a path fit a pattern, part by part?"""
    names, parts = path.split("."), pattern.split(".")
    return len(names) == len(parts) and all(map(fnmatchcase, names, parts))


def _constrained(limits: list[Any]) -> Leaf:
    """What scikit-learn takes; texts alone are bounded where it takes what JSON has no word for."""
    leaves = [leaf for limit in limits if (leaf := _constraint(limit))]
    if dict in limits:
        choices = [leaf["choices"] for leaf in leaves if "choices" in leaf]
        return {"kind": "any", **({"choices": choices[0]} if choices else {})}
    return leaves[0] if len(leaves) == 1 else {"one_of": leaves}


def _constraint(limit: Any) -> Leaf | None:
    """One of the things that scikit-learn takes; None for what no JSON holds (null is no value)."""
    from numbers import Integral

    named: dict[Any, Leaf] = {
        "array-like": {"kind": "list"},
        "boolean": {"kind": "flag"},
        "verbose": {"kind": "integer", "min": 0},
        "random_state": {"kind": "integer", "min": 0, "max": 2**32 - 1},
        Integral: {"kind": "integer"},
    }
    if type(limit).__name__ == "StrOptions":
        return {"kind": "text", "choices": sorted(limit.options)}
    if type(limit).__name__ == "Interval":
        bounds: Leaf = {}
        if limit.left is not None:
            bounds["min" if limit.closed in ("left", "both") else "above"] = limit.left
        if limit.right is not None:
            bounds["max" if limit.closed in ("right", "both") else "below"] = limit.right
        kinds = {"Integral": "integer", "RealNotInt": "decimal"}
        return {"kind": kinds.get(limit.type.__name__, "finite"), **bounds}
    return named.get(limit) if isinstance(limit, str | type) else None


def _classes() -> dict[str, Any]:
    """Configurable classes by their names."""
    from ctapipe.core import Component
    from ctapipe.core.component import non_abstract_children

    for module in ("lstchain.reco.r0_to_dl1", "lstchain.reco.reconstructor", "ctapipe_io_lst"):
        importlib.import_module(module)
    found = {cls.__name__: cls for cls in non_abstract_children(Component)}
    from ctapipe.io import EventSource
    from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

    return {**found, "EventSource": EventSource, "IRFFITSWriter": IRFFITSWriter}


def _at_the_top(classes: Mapping[str, Any]) -> Iterator[str]:
    """Sections that no config of lstchain has: other image extractors, and those of the IRFs."""
    from ctapipe.image import ImageExtractor

    yield from (name for name, cls in classes.items() if issubclass(cls, ImageExtractor))
    yield from ("IRFFITSWriter", "DL3Cuts", "DataBinning", "EventSelector")


def _learn_classes(keys: dict[str, Any], classes: Mapping[str, Any]) -> None:
    for name, entry in keys.items():
        if "keys" in entry:
            for class_name in (*ALSO.get(name, ()), CLASS_OF.get(name, name)):
                if class_name in classes:
                    traits = classes[class_name].class_traits(config=True)
                    entry["keys"] |= {key: _trait(trait) for key, trait in traits.items()}
            _learn_classes(entry["keys"], classes)


def _trait(trait: Any) -> Leaf:
    """Kind, choices and bounds of a trait's value."""
    import traitlets
    from ctapipe.core.traits import TelescopeParameter

    if isinstance(trait, TelescopeParameter):  # one value, or one for each type of telescope
        one = _trait(trait._trait)
        return one if one["kind"] == "any" else {"one_of": [one, {"kind": "list"}]}
    kinds = (
        (traitlets.Bool, "flag"),
        (traitlets.Int, "integer"),
        (traitlets.Float, "number"),
        (traitlets.List, "list"),
        (traitlets.Set, "list"),
    )
    kind = next((kind for cls, kind in kinds if type(trait) is cls or _is_own(trait, cls)), "any")
    leaf: Leaf = {"kind": kind}
    if isinstance(trait, traitlets.UseEnum):
        leaf["choices"] = [choice.name for choice in trait.enum_class]
    elif isinstance(trait, traitlets.Enum):
        leaf["choices"] = list(dict.fromkeys(_name(choice) for choice in trait.values or ()))
    if isinstance(trait, traitlets.CaselessStrEnum):
        leaf["caseless"] = True
    if kind == "list" and type(trait._trait) in (traitlets.Int, traitlets.Float):
        leaf["of"] = {"kind": "integer" if type(trait._trait) is traitlets.Int else "number"}
    for bound in ("min", "max"):
        limit = getattr(trait, bound, None)
        if kind in ("integer", "number") and limit is not None and abs(limit) != float("inf"):
            leaf[bound] = limit
    return leaf


def _is_own(trait: Any, cls: type) -> bool:
    """Is this a trait of traitlets' own kind, not one that takes more (by telescope)?"""
    return isinstance(trait, cls) and type(trait).__module__.startswith("traitlets")


def _name(choice: Any) -> str:
    return choice.name if isinstance(choice, enum.Enum) else str(choice)


def _columns() -> dict[str, list[str]]:
    """What features and filters can name: columns of DL1 and DL2, and what is computed of them."""
    from lstchain.io import lstcontainers
    from lstchain.io.config import get_srcdep_config, get_standard_config

    names = {*COMPUTED, *lstcontainers.DL1ParametersContainer.fields}
    names |= {*lstcontainers.DL1LikelihoodParametersContainer.fields}
    for config in (get_standard_config(), get_srcdep_config()):
        names |= {f for key, value in config.items() if key.endswith("_features") for f in value}
        names |= set(config["events_filters"])
    later = {*FOR_IRFS, *(RENAMED.get(name, name) for name in (*names, *RECONSTRUCTED))}
    return {"dl1": sorted(names), "dl2": sorted(later)}


def _standard() -> dict[str, Any]:
    """What lstchain puts where a config lacks a section."""
    from lstchain.io.config import get_standard_config

    standard: dict[str, Any] = get_standard_config()
    return standard


def main() -> None:
    """Write the catalogue."""
    sys.argv = sys.argv[:1]
    CATALOGUE.write_text(json.dumps(catalogue(), indent=1, sort_keys=True) + "\n")
    print(CATALOGUE)


if __name__ == "__main__":
    main()
