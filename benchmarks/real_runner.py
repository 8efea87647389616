"""lstluigi's own runner with a body that sleeps in place of lstchain's commands.

Called by the `python` of the environment that `cluster.Site` writes, as ``real_runner.py SPEC.json
0``. Processes, result file, checks before publishing and the rename are the runner's own. A command
writes half of each product of its item, sleeps, and writes it whole. When an item starts and when a
product is published goes into the log. See `trivial_runner` for the settings.
"""

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, os.pardir, "lstluigi", "scripts")]

import trivial_runner  # noqa: E402
from runner import base, chunk, items  # noqa: E402

HALVES = ("begin\n", "end\n")


def stand_in(settings):
    """Put bodies in place of commands, checks of text in place of HDF5, and note each start."""
    at = {}
    do_item, publish = items.do_item, items.publish

    def noted_item(item, *more):
        at["item"] = item
        trivial_runner.note(settings, "start", item["id"])
        return do_item(item, *more)

    def body(argv, bind):
        item = at["item"]
        made = [p["made"] for p in item["products"] if "link" not in p["check"]]
        for path in made:
            write(path, HALVES[0])
        time.sleep(trivial_runner.seconds(settings, item["id"]))
        for path in made:
            write(path, "".join(HALVES))

    def noted_publish(made, final, sync):
        publish(made, final, sync)
        trivial_runner.note(settings, "published", final)

    def check(path, wanted):
        if not os.path.exists(path):
            raise base.Unsound("is missing")
        with open(path, encoding="utf-8") as file:
            if file.read() != "".join(HALVES):
                raise base.Unsound("is not whole")

    items.do_item, items.run_command, items.publish = noted_item, body, noted_publish
    items.check_file, items.verify_input = check, lambda path, wanted: None


def write(path, text):
    """Write a file that is anyone's to see while it grows."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    """Be the runner."""
    with open(os.environ["LSTLUIGI_BENCHMARK"], encoding="utf-8") as file:
        stand_in(json.load(file))
    sys.exit(chunk.main())


if __name__ == "__main__":
    main()
