"""Plots of IRFs, sensitivity and importances."""
