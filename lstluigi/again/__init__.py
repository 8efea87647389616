"""What is typed after a run: try again, make again, clear away; runs and deletes, by name only."""
