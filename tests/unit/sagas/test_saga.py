"""How sagas are declared."""

from typing import Any

import pytest
from pydantic import BaseModel

from decant.db import ModuleDatabase
from decant.errors import SetupError
from decant.sagas import Coordinator, Failure, Saga, compensated, start, step
from tests.unit.sagas.shop import Checkout, CheckoutData


class Data(BaseModel):
    id: str = "1"


def test_steps_have_the_order_and_the_names_of_their_methods() -> None:
    assert list(Checkout.steps) == ["clear-cart", "reserve", "charge", "notify"]
    assert Checkout.saga_name == "checkout"


def test_a_step_can_be_called_as_the_method_that_it_is() -> None:
    class Walk(Saga[Data]):
        @step
        def go(self, data: Data) -> None:
            data.id = "gone"

    data = Data()
    Walk().go(data)
    assert data.id == "gone"


def test_a_saga_inherits_steps_and_data() -> None:
    class Longer(Checkout):
        @step
        def celebrate(self, data: CheckoutData) -> None: ...

    assert list(Longer.steps)[-1] == "celebrate"
    assert Longer.data_type is CheckoutData
    assert Longer.last is Checkout.last


def test_a_saga_without_steps_is_refused() -> None:
    with pytest.raises(SetupError, match="Empty has no steps"):

        class Empty(Saga[Data]):
            pass


def test_a_saga_that_does_not_say_its_data_is_refused() -> None:
    with pytest.raises(SetupError, match="does not say what data it keeps"):

        class Vague(Saga):  # type: ignore[type-arg]
            @step
            def go(self, data: Any) -> None: ...


def test_a_key_that_is_no_field_is_refused() -> None:
    with pytest.raises(SetupError, match="the key 'order' is no field of Data"):

        class Odd(Saga[Data], key="order"):
            @step
            def go(self, data: Data) -> None: ...


def test_two_compensations_of_one_step_are_refused() -> None:
    with pytest.raises(SetupError, match="two compensations: undo, undo_again"):

        class Twice(Saga[Data]):
            @step
            def go(self, data: Data) -> None: ...

            @go.compensation
            def undo(self, data: Data) -> None: ...

            @go.compensation
            def undo_again(self, data: Data) -> None: ...


def test_two_queries_of_one_step_are_refused() -> None:
    with pytest.raises(SetupError, match="two queries: ask, ask_again"):

        class Twice(Saga[Data]):
            @step
            def go(self, data: Data) -> None: ...

            @go.unknown
            def ask(self, data: Data) -> bool: ...

            @go.unknown
            def ask_again(self, data: Data) -> bool: ...


def test_an_async_step_is_refused() -> None:
    with pytest.raises(SetupError, match=r"Later\.go is async"):

        class Later(Saga[Data]):
            @step  # type: ignore[arg-type]
            async def go(self, data: Data) -> None: ...


def test_a_step_without_time_is_refused() -> None:
    with pytest.raises(SetupError, match="no time at all"):
        step(deadline_s=0)


def test_two_methods_that_make_the_same_idempotency_key_are_refused() -> None:
    with pytest.raises(SetupError, match="undo is there twice"):

        class Same(Saga[Data]):
            @step
            def undo(self, data: Data) -> None: ...

            @undo.compensation
            def Undo(self, data: Data) -> None: ...


def test_two_sagas_of_one_name_in_a_module_are_refused(orders: ModuleDatabase) -> None:
    class One(Saga[Data], name="same"):
        @step
        def go(self, data: Data) -> None: ...

    class Two(Saga[Data], name="same"):
        @step
        def go(self, data: Data) -> None: ...

    with pytest.raises(SetupError, match="two sagas that are called same"):
        Coordinator(orders, [One, Two])


def test_a_saga_that_asks_for_what_nobody_provides_is_refused_before_anything_runs(orders: ModuleDatabase) -> None:
    with pytest.raises(SetupError, match="Checkout: nothing provides its parameter `world: World`"):
        Coordinator(orders, [Checkout])


def test_data_of_another_type_is_refused(orders: ModuleDatabase) -> None:
    with orders.transaction() as session, pytest.raises(SetupError, match="Checkout keeps CheckoutData, not Data"):
        start(session, Checkout, Data())  # type: ignore[arg-type]


def test_a_key_that_fits_no_column_is_refused(orders: ModuleDatabase) -> None:
    with orders.transaction() as session, pytest.raises(SetupError, match="its key has 201 characters"):
        start(session, Checkout, CheckoutData(order_id="x" * 201))


def test_the_last_method_of_a_compensated_saga_is_found_by_its_mark() -> None:
    class Walk(Saga[Data]):
        @step
        def go(self, data: Data) -> None: ...

        @compensated
        def tell(self, data: Data, failure: Failure) -> None: ...

    assert Walk.last is Walk.tell
