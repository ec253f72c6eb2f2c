"""Pact, the format in which a consumer writes down what it expects of a provider, without its reports of usage."""

from __future__ import annotations

import os

os.environ["PACT_DO_NOT_TRACK"] = (
    "true"  # the library tells its makers of each run otherwise; nothing leaves this machine
)

from pact import Pact, Verifier

__all__ = ["Pact", "Verifier"]
