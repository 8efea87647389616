"""Where each step of a production stands."""
