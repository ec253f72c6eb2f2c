"""Sagas: work in several modules that ends completely or is taken back, whatever dies in between."""

from decant.sagas.coordinator import Coordinator
from decant.sagas.dispatcher import Dispatcher, Pace
from decant.sagas.instance import Entry, Failure, Instance
from decant.sagas.machine import Machine
from decant.sagas.runner import SagaParticipant, SagaRunner, sagas_in
from decant.sagas.saga import Saga, Step, compensated, step
from decant.sagas.starting import start
from decant.sagas.store import Fenced, SagaStore
from decant.sagas.strip import strip

__all__ = [
    "Coordinator",
    "Dispatcher",
    "Entry",
    "Failure",
    "Fenced",
    "Instance",
    "Machine",
    "Pace",
    "Saga",
    "SagaParticipant",
    "SagaRunner",
    "SagaStore",
    "Step",
    "compensated",
    "sagas_in",
    "start",
    "step",
    "strip",
]
