"""Seeing a production: where it stands, why something failed, what it cost; pure of printing."""
