"""The productions that have been asked for: directories of configs, searched and shown."""
