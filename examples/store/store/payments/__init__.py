"""Payments: the shop's own book of what the provider has taken and paid back."""

from decant import Module

module = Module(__name__)
