"""Plots of pointings."""
