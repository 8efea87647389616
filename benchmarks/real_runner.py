"""lstluigi's own runner with bodies that sleep in place of lstchain's commands.

Called by the `python` of the environment that `cluster.Site` writes, as ``real_runner.py SPEC.json
0``. The runner is not changed: processes, result file, checks before publishing and the rename are
its own. The stand-in only rewrites the chunk that the runner reads, see `reduced`. When an item
starts and when a product is published goes into the log. See `trivial_runner` for the settings.
"""

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, os.pardir, "lstluigi", "jobs")]

import trivial_runner  # noqa: E402
from runner import chunk, items  # noqa: E402

#: What a body writes at its beginning and at its end; the first half alone is no JSON.
HALVES = ('{"begin": ', '"end"}')
WHOLE = {"json": ["begin"]}


def reduced(chunk):
    """A chunk whose items sleep, and make JSON of which half is not sound.

    Only what is named here is taken from an item, so whatever else the runner is asked to look for
    in real products is not asked of these.
    """
    return {**chunk, "items": [reduced_item(item) for item in chunk["items"]]}


def reduced_item(item):
    """An item of a chunk, as `reduced` says."""
    products = [
        {**{key: p[key] for key in ("made", "final")}, "check": p["check"] if is_link(p) else WHOLE}
        for p in item["products"]
    ]
    made = [p["made"] for p in products if not is_link(p)]
    return {
        **{key: item[key] for key in ("id", "scratch", "log")},
        "links": item.get("links", []),
        "commands": [[os.path.abspath(__file__), "--body", item["id"], *made]],
        "products": products,
    }


def is_link(product):
    """Is a product a link to another file, which no command makes?"""
    return "link" in product["check"]


def body(settings, item, made):
    """What an item does: half of each product, a sleep, and the products whole."""
    trivial_runner.note(settings, "start", item)
    for path in made:
        write(path, HALVES[0])
    time.sleep(trivial_runner.seconds(settings, item))
    for path in made:
        write(path, "".join(HALVES))


def write(path, text):
    """Write a file that is anyone's to see while it grows."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    """Be the runner, or the body of one of its items."""
    with open(os.environ["LSTLUIGI_BENCHMARK"], encoding="utf-8") as file:
        settings = json.load(file)
    if sys.argv[1] == "--body":
        body(settings, sys.argv[2], sys.argv[3:])
        return
    load_chunk, publish = chunk.load_chunk, items.publish

    def noted_publish(made, final, sync):
        publish(made, final, sync)
        trivial_runner.note(settings, "published", final)

    chunk.load_chunk = lambda path, index: reduced(load_chunk(path, index))
    items.publish = noted_publish
    sys.exit(chunk.main())


if __name__ == "__main__":
    main()
