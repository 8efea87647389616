"""Toy LST-1 simulation: EventIO (DL0) files that lstchain processes like real ones.

For tests, demonstrations and training courses. Toy simulation, not CORSIKA, not for science.
Nothing here is imported by ``lstluigi`` itself.
"""

from __future__ import annotations

from .dataset import Report, SimulationError, run
from .showers import Beam, Particle, Pointing
from .simulate import simulate_file

__all__ = ["Beam", "Particle", "Pointing", "Report", "SimulationError", "run", "simulate_file"]
