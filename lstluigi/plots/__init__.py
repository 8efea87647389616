"""Figures: pointings on the sky."""
