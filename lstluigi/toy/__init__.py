"""Toy DL0 (simulation/), and a production's own stages tried on it (smoke/)."""
