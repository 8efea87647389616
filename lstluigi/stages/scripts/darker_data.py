"""Compare the noise of real data with that of a simulation to which it should be added.

Runs inside a job, after lstchain has found no noise to add: it stops with a TypeError, or writes
zeros. Where the data are not brighter, that is said with numbers, or the config is written untuned.
"""

from __future__ import annotations

import argparse
import json
import sys

MAX_EVENTS = 200  # of the simulation, as lstchain_tune_nsb_waveform reads
NEAR = 1.02  # a simulation as bright as the data, as far as some events tell
REFUSED = 65  # os.EX_DATAERR: what is printed last is the reason


def noise_of_data(path: str) -> float:
    """Return the median over pixels of the mean charge (p.e.) of interleaved pedestal events."""
    from ctapipe.containers import EventType
    from lstchain.image.modifier import get_pix_median_charges

    return float(get_pix_median_charges(path, EventType.SKY_PEDESTAL)[0])


def noise_of_simulation(path: str, config_path: str) -> float:
    """Return the mean charge (p.e.) of pixels without Cherenkov light."""
    import numpy
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import EventSource
    from lstchain.io import get_standard_config, read_configuration_file, replace_config
    from traitlets.config import Config

    content = replace_config(get_standard_config(), read_configuration_file(config_path))
    name = content["image_extractor"]
    content[name]["apply_integration_correction"] = True
    config = Config(content)
    charges = []
    with EventSource(input_url=path, config=config) as source:
        calibrate = CameraCalibrator(
            image_extractor_type=name, config=config, subarray=source.subarray
        )
        for number, event in enumerate(source):
            if number == MAX_EVENTS:
                break
            calibrate(event)
            for tel_id, found in event.dl1.tel.items():
                dark = event.simulation.tel[tel_id].true_image == 0
                charges.append(found.image[dark])
    return float(numpy.mean(numpy.concatenate(charges)))


def write_untuned(config_path: str, output: str, level: str) -> None:
    """Write the config with zeros for the noise to add, and with the addition off."""
    zeros = {
        "image": (
            "image_modifier",
            {
                "increase_nsb": False,
                "extra_noise_in_dim_pixels": 0.0,
                "extra_bias_in_dim_pixels": 0.0,
                "transition_charge": 8,
                "extra_noise_in_bright_pixels": 0.0,
            },
        ),
        "waveform": ("waveform_nsb_tuning", {"nsb_tuning": False, "nsb_tuning_rate_GHz": 0.0}),
    }
    with open(config_path, encoding="utf-8") as stream:
        content = json.load(stream)
    section, values = zeros[level]
    content.setdefault(section, {}).update(values)
    with open(output, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=4)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=["image", "waveform"], required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--input-mc", required=True)
    parser.add_argument("--input-data", required=True)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--untuned", action="store_true", help="write the config without noise")
    args = parser.parse_args()
    simulated = noise_of_simulation(args.input_mc, args.config)
    data = noise_of_data(args.input_data)
    if data > NEAR * simulated:
        sys.exit("darker_data.py: the data are brighter than the simulation.")
    sentence = (
        "no noise can be added: pixels without Cherenkov light have a mean charge of "
        f"{simulated:.3f} p.e. in the simulation and of {data:.3f} p.e. in the data, which are not "
        "brighter"
    )
    if args.untuned:
        write_untuned(args.config, args.output, args.level)
        print(f"{sentence}; the config is written untuned.")
        return
    print(sentence)
    sys.exit(REFUSED)


if __name__ == "__main__":
    main()
