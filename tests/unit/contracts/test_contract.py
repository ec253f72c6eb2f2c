"""Declaring contracts, and services that implement them."""

from __future__ import annotations

import types

import pytest

from decant.contracts import Contract, contract_of, contracts_in, services_in
from decant.errors import DomainError, SetupError
from decant.http.declare import get, post


class NoSeat(DomainError, code="rooms.no-seat", status=409):
    """Only {left} seats are left."""

    left: int


class Rooms(Contract, module="rooms"):
    @get("/rooms/<room_id>", public=True)
    def get_room(self, room_id: str) -> str: ...

    @post("/rooms/<room_id>/seats")
    def book(self, room_id: str, seats: int = 1) -> int: ...


class RoomService(Rooms):
    def get_room(self, room_id: str) -> str:
        return room_id

    def book(self, room_id: str, seats: int = 1) -> int:
        return seats


def test_a_contract_knows_its_module_and_operations() -> None:
    info = contract_of(Rooms)
    assert info is not None
    assert info.module == "rooms"
    assert [declared.name for declared in info.operations.values()] == ["rooms.get_room", "rooms.book"]


def test_a_service_is_no_contract_but_is_found_with_the_contract_it_implements() -> None:
    here = types.ModuleType(__name__)
    here.__dict__.update(Rooms=Rooms, RoomService=RoomService, SetupError=SetupError)
    assert contract_of(RoomService) is None
    assert [info.contract for info in contracts_in(here)] == [Rooms]
    assert [(service, info.contract) for service, info in services_in(here)] == [(RoomService, Rooms)]


def test_the_module_of_a_contract_is_the_package_around_its_api_file() -> None:
    made = type(
        "Things", (Contract,), {"__module__": "shop.things.api", "list_things": get("/things")(lambda self: None)}
    )
    info = contract_of(made)
    assert info is not None
    assert info.module == "things"


def test_the_errors_of_the_same_file_are_declared_without_saying_so() -> None:
    info = contract_of(Rooms)
    assert info is not None
    assert info.errors["rooms.no-seat"] is NoSeat


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"get_room": RoomService.get_room}, "leaves out book(self, room_id: 'str', seats: 'int' = 1) -> 'int'"),
        (
            {"get_room": RoomService.get_room, "book": lambda self, room: room},
            "book takes (room), not (room_id, seats)",
        ),
        ({"get_room": RoomService.get_room, "book": 3}, "book is not a method"),
    ],
)
def test_a_service_that_does_not_fit_its_contract_is_refused_when_declared(
    body: dict[str, object], message: str
) -> None:
    with pytest.raises(SetupError) as caught:
        type("Wrong", (Rooms,), body)
    assert message in caught.value.detail


def test_an_async_service_method_is_refused_with_the_reason() -> None:
    async def book(self: Rooms, room_id: str, seats: int = 1) -> int:
        return seats

    with pytest.raises(SetupError, match="async"):
        type("Wrong", (Rooms,), {"get_room": RoomService.get_room, "book": book})


def test_a_contract_without_operations_is_refused() -> None:
    with pytest.raises(SetupError, match="declares no operation"):
        type("Empty", (Contract,), {})


def test_a_public_method_without_mapping_is_refused() -> None:
    with pytest.raises(SetupError, match="has no HTTP mapping"):
        type("Half", (Contract,), {"plain": lambda self: None})


def test_two_errors_with_one_code_are_refused() -> None:
    class Again(DomainError, code="rooms.no-seat", status=409):
        pass

    contract = type(
        "Twice", (Contract,), {"__module__": __name__, "go": get("/go", errors=(Again,))(lambda self: None)}
    )
    info = contract_of(contract)
    assert info is not None
    with pytest.raises(SetupError, match="share the code"):
        _ = info.errors
