"""What runs inside a job, called by path with the job environment's python.

Each file, and the folder of the runner, stands alone: it needs the job environment (lstchain or the
standard library) and nothing of lstluigi.
"""
