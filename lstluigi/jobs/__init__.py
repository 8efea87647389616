"""Backends (this machine, Slurm), submitter, monitor, ledger; runner/ in jobs. Knows no stage."""
