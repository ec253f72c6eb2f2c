"""The office's pages."""

from decant import Module

module = Module(__name__)
