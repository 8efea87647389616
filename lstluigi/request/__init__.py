"""Requests of a production: config, lstchain config and readme, written together or not at all.

What the stages of a config class are is the business of `lstluigi.layouts`.
"""
