"""A proxy that delays, loses and repeats requests on purpose: ``python -m decant_tools.faultproxy``."""

from decant_tools.faultproxy.decide import Decision, decide
from decant_tools.faultproxy.profiles import PROFILES, Profile, parse_profile
from decant_tools.faultproxy.proxy import FaultProxy
from decant_tools.faultproxy.tally import Tally

__all__ = ["PROFILES", "Decision", "FaultProxy", "Profile", "Tally", "decide", "parse_profile"]
