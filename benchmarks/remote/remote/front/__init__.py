"""Calls."""

from decant import Module

module = Module(__name__)
