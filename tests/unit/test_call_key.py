import pytest

from decant.context import call_key, idempotency_key


def test_a_key_is_for_the_calls_of_its_block() -> None:
    with idempotency_key("order-1:reserve"):
        assert call_key.get() == "order-1:reserve"
        with idempotency_key("order-1:charge"):
            assert call_key.get() == "order-1:charge"
        assert call_key.get() == "order-1:reserve"
    assert call_key.get() is None


@pytest.mark.parametrize("key", ["", "a b", "ä", "a\n", "x" * 256])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"), idempotency_key(key):
        pass
