"""What simulations ask of an lstchain config, by the stages that a production runs.

Read off lstchain 0.12.3: reco/r0_to_dl1.py, reco/dl1_to_dl2.py, scripts/lstchain_dl1ab.py,
tools/lstchain_create_irf_files.py, tools/lstchain_create_dl3_file.py, and ctapipe's
SimTelEventSource and tailcuts_clean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import shown
from lstluigi.layouts.nodes import sample
from lstluigi.production.plan import Plan
from lstluigi.production.step import NO_FILES, general_commands, tools_of
from lstluigi.stages.dl2_to_irfs import is_on
from lstluigi.stages.train_pipe import blind
from lstluigi.validation.features import forest_findings
from lstluigi.validation.findings import Finding, error, warning
from lstluigi.validation.lstchain_catalogue import catalogue
from lstluigi.validation.lstchain_settings import column_findings

FEATURES = (
    "energy_regression_features",
    "disp_regression_features",
    "disp_classification_features",
    "particle_classification_features",
)
ALTITUDE, AZIMUTH = ("alt_tel",), ("sin_az_tel", "az_tel")
#: Features that lstchain computes only with source_dependent.
OF_A_SOURCE = (
    "alpha",
    "dist",
    "reco_disp_norm_diff",
    "reco_disp_sign_correctness",
    "skewness_from_source",
    "time_gradient_from_source",
)
NOISE = (
    "extra_noise_in_dim_pixels",
    "extra_bias_in_dim_pixels",
    "transition_charge",
    "extra_noise_in_bright_pixels",
)
#: IRFs of source-dependent DL2 without --source-dep: lstchain makes them without a word, with the
#: direction that was reconstructed for the true source. Its lstchain_create_dl3_file then finds
#: neither AL_CUT nor AL_CUTS in them with --source-dep, and without it no gammaness in such DL2.
_BY_THETA = (
    "source_dependent is true, and the options have no --source-dep: the IRFs would be cut in "
    "theta, and lstchain_create_dl3_file cannot use them for such data, which need a cut in alpha"
)


class Requirements:
    """Asks an lstchain config what the stages of a production ask.

    Parameters
    ----------
    plan
        The production.
    lstchain
        Its lstchain config.
    pinned
        Whether its lstchain is the one whose columns are known.
    """

    def __init__(self, plan: Plan, lstchain: ToolConfig, pinned: bool) -> None:
        self._plan, self._lstchain, self._pinned = plan, lstchain, pinned
        #: As lstchain sees it: a section that is missing is that of its standard config.
        self._config: Mapping[str, Any] = {**catalogue().standard, **lstchain.content}
        #: Steps that read it: another program may stand in lstchain's place.
        self._readers = [
            node for node in plan.steps if "lstchain" in tools_of(general_commands(node, NO_FILES))
        ]
        self._stages = {node.step.stage for node in self._readers}

    def findings(self) -> Iterator[Finding]:
        """Everything at once."""
        for extractor, needed in (
            ("image_extractor", True),
            ("image_extractor_for_muons", False),
        ):
            yield from self._integration(extractor, needed)
        yield from self._focal_length()
        yield from self._cleaning()
        yield from self._waveform_noise()
        yield from self._image_noise()
        yield from self._features()
        yield from self._source_dependent()

    def _where(self, *keys: str) -> str:
        word = "key" if len(keys) == 1 else "keys"
        return f"{self._lstchain.path}, {word} {', '.join(map(shown, keys))}"

    def _section(self, *names: str) -> Mapping[str, Any]:
        """A section, empty where there is none."""
        found: Any = self._config
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _integration(self, key: str, needed: bool) -> Iterator[Finding]:
        """Charges of simulations are those within the window only, unless they are corrected."""
        name = self._config.get(key)
        if not isinstance(name, str) or not isinstance(self._config.get(name), dict):
            what = f"{key} names {shown(name)}, and there is no such section"
            mend = f"add the section {shown(name)}, or write 'LocalPeakWindowSum'"
            yield error(self._where(key), what, mend)
            return
        if not _is_on(self._section(name).get("apply_integration_correction", True)):
            tell = error if needed and "r0_to_dl1" in self._stages else warning
            what = f"the integration correction of {name} ({key}) is off, as it is for real data"
            missing = name not in self._lstchain.content
            mend = (
                "set it to true" if not missing else f"add the section {name} with it set to true"
            )
            yield tell(self._where(f"{name}.apply_integration_correction"), what, mend)

    def _focal_length(self) -> Iterator[Finding]:
        """Files of prod5 have no effective focal length; ctapipe asks for it by default."""
        simtel, general = (
            self._section("source_config", name) for name in ("SimTelEventSource", "EventSource")
        )
        chosen = str({**general, **simtel}.get("focal_length_choice", "EFFECTIVE")).upper()
        key = "source_config.EventSource.focal_length_choice"
        reading = [
            (node, reading.path)
            for node in self._readers
            if node.step.stage == "r0_to_dl1"
            for reading in node.readings[:1]
        ]
        prod5 = [node for node, path in reading if "prod5" in path]
        if prod5 and chosen != "EQUIVALENT":
            what = f"{prod5[0]} reads prod5 files, which have no effective focal length"
            yield error(self._where(key), what, "set it to 'EQUIVALENT'")
        elif chosen == "EQUIVALENT" and len(prod5) < len(reading):
            what = "the equivalent focal length is chosen, and the simulations are not of prod5"
            yield warning(self._where(key), what, "take it out: LSTProd2 has the effective one")

    def _cleaning(self) -> Iterator[Finding]:
        """Thresholds of image cleaning the wrong way round, which lstchain takes as they are."""
        if not self._stages & {"r0_to_dl1", "dl1ab"}:
            return
        picture, boundary = map(self._section("tailcut").get, ("picture_thresh", "boundary_thresh"))
        if _is_number(picture) and _is_number(boundary) and boundary > picture:
            what = f"it is {boundary:g}, and picture_thresh {picture:g}: " + (
                "pixels at the edge of an image need more light than those within, which lstchain "
                "takes as it is"
            )
            mend = "give the smaller number to boundary_thresh"
            yield warning(self._where("tailcut.boundary_thresh"), what, mend)

    def _waveform_noise(self) -> Iterator[Finding]:
        """Night-sky background added to waveforms, in r0_to_dl1."""
        section, key = self._section("waveform_nsb_tuning"), "waveform_nsb_tuning"
        rate = section.get("nsb_tuning_rate_GHz")
        reads = "r0_to_dl1" in self._stages
        if reads and key in self._lstchain.content and "nsb_tuning" not in section:
            yield error(
                self._where(f"{key}.nsb_tuning"),
                "the section has no nsb_tuning, without which r0_to_dl1 stops",
                "set it to true or false",
            )
        if not section.get("nsb_tuning"):
            return
        if not reads:
            what = "it is on, and r0_to_dl1, which alone heeds it, does not run"
            yield warning(self._where(f"{key}.nsb_tuning"), what, "set it to false")
        elif "target_data" not in section and (rate is None or (_is_number(rate) and not rate)):
            tell = error if self._pinned else warning
            what = f"the tuning is on, and its rate is {shown(rate)}"
            mend = "give the rate in GHz, as lstchain_tune_nsb_waveform writes it"
            yield tell(self._where(f"{key}.nsb_tuning_rate_GHz"), what, mend)
        if self._section("image_modifier").get("increase_nsb"):
            what = "noise is added to waveforms and to images (image_modifier.increase_nsb)"
            yield warning(self._where(f"{key}.nsb_tuning"), what, "keep one of them")

    def _image_noise(self) -> Iterator[Finding]:
        """Night-sky background and spread of light added to images, in dl1ab."""
        section, key = self._section("image_modifier"), "image_modifier"
        wanted = {"increase_nsb": NOISE, "increase_psf": ("smeared_light_fraction",)}
        on = [switch for switch in wanted if section.get(switch)]
        if "dl1ab" not in self._stages:
            if on and all(node.step.stage != "dl1ab" for node in self._plan.steps):
                what = f"{' and '.join(on)} is on, and dl1ab, which alone heeds it, does not run"
                yield warning(self._where(key), what, "take the section out, or run dl1ab")
            return  # a dl1ab step that reads another config has its numbers from a tuning
        for switch in on:
            for name in wanted[switch]:
                if not _is_number(section.get(name)):
                    what = f"{switch} is on, and {name} is {shown(section.get(name))}"
                    mend = "give the number that lstchain_tune_nsb writes"
                    yield error(self._where(f"{key}.{name}"), what, mend)

    def _features(self) -> Iterator[Finding]:
        """Features of the random forests."""
        if not self._stages & {"train_pipe", "dl1_to_dl2"}:
            return
        given = {key: self._config.get(key) for key in FEATURES}
        lists = {key: names for key, names in given.items() if isinstance(names, list)}
        yield from column_findings(self._lstchain, lists, self._pinned)
        method = self._config.get("disp_method")
        yield from forest_findings(self._lstchain, lists, method, self._pinned)
        if not self._config.get("source_dependent"):
            yield from self._of_a_source(lists)
        if "train_pipe" in self._stages:
            yield from self._of_pointing(lists)
        if method not in ("disp_norm_sign", "disp_vector"):
            what = f"there is no such method: {shown(method)}"
            yield error(self._where("disp_method"), what, "write 'disp_norm_sign' or 'disp_vector'")

    def _source_dependent(self) -> Iterator[Finding]:
        """What follows the reconstruction has to know that it assumed a position of the source."""
        if self._config.get("source_dependent") is not True:  # what is neither is told
            return
        for node in self._plan.steps:
            if node.step.stage != "dl2_to_irfs":
                continue
            where = node.step.where("options")
            if not is_on("--source-dep", node.step, self._config):
                made = any(one.step.stage == "dl1_to_dl2" for one in self._plan.producers(node))
                # DL2 from elsewhere, or that of another lstchain, may be of another kind
                tell = error if made and self._pinned else warning
                yield tell(where, _BY_THETA, "add --source-dep, and cut with --global-alpha-cut")
            elif is_on("--energy-dependent-theta", node.step, self._config):
                what = "with --source-dep lstchain cuts in alpha, not in theta"
                yield warning(where, what, "write --energy-dependent-alpha")

    def _of_a_source(self, lists: Mapping[str, list[Any]]) -> Iterator[Finding]:
        for key, names in lists.items():
            if wrong := [name for name in names if name in OF_A_SOURCE]:
                what = f"{', '.join(wrong)} is there only if source_dependent is true"
                yield error(self._where(key), what, "take it out, or set source_dependent to true")

    def _of_pointing(self, lists: Mapping[str, list[Any]]) -> Iterator[Finding]:
        """Forests for many pointings know where the telescope points; for one it says nothing."""
        pointings = self._pointings()
        alike: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key, names in lists.items():
            told = [name for name in names if name in (*ALTITUDE, *AZIMUTH)]
            if pointings > 1 and len({name in ALTITUDE for name in told}) < 2:
                what = f"the forests are trained for {pointings} pointings, and features lack "
                what += " and ".join(
                    one_of[0] for one_of in (ALTITUDE, AZIMUTH) if not set(one_of) & set(told)
                )
                if key in blind(self._lstchain.content):
                    what += ", so that no prediction is interpolated in zenith"
                alike[what, "add them, as lstchain's standard config has"].append(key)
            elif pointings == 1 and told:
                what = (
                    f"the forests are trained for one pointing, and {', '.join(told)} is constant"
                )
                alike[what, "take it out"].append(key)
        for (what, mend), keys in alike.items():
            yield warning(self._where(*keys), what, mend)

    def _pointings(self) -> int:
        """How many nodes the training reads; 0 where the paths do not tell."""
        waiting = [node for node in self._plan.steps if node.step.stage == "train_pipe"]
        above = {node.index: node for node in waiting}
        while waiting:  # by what noise is tuned is not trained with
            reader = waiting.pop()
            for reading in (reading for reading in reader.readings if not reading.aside):
                for producer, _ in self._plan.data(reader, reading):
                    if producer.index not in above:
                        above[producer.index] = producer
                        waiting.append(producer)
        paths = [reading.path for step in above.values() for reading in step.readings]
        nodes = {
            (node.zenith, node.azimuth)  # the names of one pointing differ between particles
            for path in paths
            if (node := sample(path).node) is not None
        }
        if not nodes and paths and all("prod5" in path for path in paths):
            return 1
        return len(nodes)


def _is_on(value: object) -> bool:
    """A flag, or one for each type of telescope, all of them true."""
    if isinstance(value, list):
        return all(isinstance(entry, list) and entry and entry[-1] is True for entry in value)
    return value is True


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
