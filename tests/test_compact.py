"""Items in little memory."""

from __future__ import annotations

import pickle

from lstluigi.jobspec import CompactItems, Item, Product


def item(number: int) -> Item:
    name = f"/fefs/aswg/data/mc/DL1/AllSky/production/node_corsika_theta_66.446/run{number}"
    products = [Product(f"{number}.h5", f"{name}.h5", {"hdf5": ["/a"]})]
    return Item(name, [("command", "-f", name)], products, f"{name}.scratch", f"{name}.log")


def test_items_come_back_as_they_were() -> None:
    items = [item(number) for number in range(100)]
    compact = CompactItems(items)
    assert list(compact) == items
    assert len(compact) == len(items)
    assert compact[3] == items[3]
    assert not CompactItems([])


def test_they_take_less() -> None:
    items = [item(number) for number in range(100)]
    assert len(pickle.dumps(CompactItems(items))) < len(pickle.dumps(items)) / 3
