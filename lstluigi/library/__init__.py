"""The productions that exist: directories of configs, searched and shown."""
