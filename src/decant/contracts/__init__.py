"""Contracts between modules, and the clients that call them without knowing where they run."""

from decant.contracts.client import CallCheck, argument_binder, checked_clients, make_client
from decant.contracts.contract import Contract, ContractInfo, Declared, contract_of, contracts_in, services_in
from decant.contracts.crossing import rebuild
from decant.contracts.local import direct_client, invoker, strict_client

__all__ = [
    "CallCheck",
    "Contract",
    "ContractInfo",
    "Declared",
    "argument_binder",
    "checked_clients",
    "contract_of",
    "contracts_in",
    "direct_client",
    "invoker",
    "make_client",
    "rebuild",
    "services_in",
    "strict_client",
]
