"""The graph of a production, drawn."""
