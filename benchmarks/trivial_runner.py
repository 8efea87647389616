"""A stand-in for `lstluigi/jobs/runner`: sleeps, and makes each product as a tiny file.

Called in its place by the `python` of the environment that `cluster.Site` writes, as plain
``python3 -S -E trivial_runner.py SPEC.json 0``, so that a thousand jobs measure Slurm and lstluigi
but not Python and lstchain. What it does is said by the JSON file that $LSTLUIGI_BENCHMARK names:
``seconds``, the shortest and the longest sleep of an item by its stage, and ``log``, a file that
gets a line for each item.
"""

import json
import os
import sys
import time
import zlib

NOBODY = [0.0, 0.0]


def stage_of(item):
    """The stage of an item, by its id (stage-number/name)."""
    return item.partition("/")[0].rpartition("-")[0]


def seconds(settings, item):
    """How long an item sleeps: the same for the same step and seed, spread evenly."""
    low, high = settings.get("seconds", {}).get(stage_of(item), NOBODY)
    step = item.partition("/")[0]
    share = zlib.crc32(f"{settings.get('seed', 0)} {step} again".encode()) / 2**32
    return low + (high - low) * share


def replace(path, text):
    """Write a file whole or not at all."""
    half = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    with open(half, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(half, path)


def note(settings, word, item):
    """Add a line to the log, by one write."""
    if "log" in settings:
        job = os.environ.get("SLURM_JOB_ID", "?")
        with open(settings["log"], "ab", buffering=0) as log:
            log.write(f"{time.time():.3f} {word} {job} {item}\n".encode())


def do(settings, item):
    """Do an item unless its products are there."""
    finals = [product["final"] for product in item["products"]]
    if finals and all(map(os.path.exists, finals)):
        return
    note(settings, "start", item["id"])
    time.sleep(seconds(settings, item["id"]))
    for final in finals:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        replace(final, item["id"] + "\n")
    note(settings, "published", item["id"])


def main(path):
    """Do the chunk of a spec file."""
    with open(os.environ["LSTLUIGI_BENCHMARK"], encoding="utf-8") as file:
        settings = json.load(file)
    with open(path, encoding="utf-8") as file:
        chunk = json.load(file)["chunks"][0]
    result = {"format": 1, "host": os.uname().nodename, "versions": {}, "items": {}}
    replace(chunk["result"], json.dumps({**result, "finished": False}))
    for item in chunk["items"]:
        started = time.time()
        do(settings, item)
        wall = round(time.time() - started, 3)
        result["items"][item["id"]] = {"state": "ok", "reason": "", "rc": 0, "wall_s": wall}
    replace(chunk["result"], json.dumps({**result, "finished": True}))


if __name__ == "__main__":
    main(sys.argv[1])
