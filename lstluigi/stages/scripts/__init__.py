"""Programs of stages that run in a job."""
