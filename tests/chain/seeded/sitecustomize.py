"""Gives numpy's global generator a seed in every Python process that has this on its path.

lstchain trains the gamma/hadron classifier on a random share of the gammas, drawn without a seed:
two trainings with the same config and the same events give two models. Tests that compare what
comes after the models need one.
"""

import numpy as np

np.random.seed(20240918)
