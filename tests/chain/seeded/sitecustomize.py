"""Gives numpy's global generator a seed: what lstchain draws is then known."""

import os

import numpy as np

np.random.seed(int(os.environ["SEED"]))
