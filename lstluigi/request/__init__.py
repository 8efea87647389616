"""Asking for a production: from a source to its config, lstchain config and readme.

What the stages of a config class are is the business of `lstluigi.layouts`.
"""
