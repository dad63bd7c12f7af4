"""Segue: a voice gateway with progressive delivery."""

__version__ = "0.1.0"
