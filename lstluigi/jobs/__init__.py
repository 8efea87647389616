"""Jobs: anything that runs a command elsewhere and knows how it ended. Knows no stage."""
