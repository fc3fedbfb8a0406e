"""Receipts: a plain signature carries one body."""

import pytest

from login import Receipts
from store import Store, StoreUnavailable, connect
from tests.time_machine import TimeMachine
from wechat import BadSignature, Letter


@pytest.fixture
def receipts(store: Store) -> Receipts:
    """Receipts of pushes that are 300 s old at the most."""
    return Receipts(store, window_seconds=300)


def letter(body: bytes, signature: str = "s1") -> Letter:
    """Return a plain letter."""
    return Letter(body=body, nonce="n", signature=signature)


async def test_same_body_again_is_a_repeat(receipts: Receipts) -> None:
    """
    WeChat repeats what was not answered in time, perhaps under the same signature.
    """
    for _ in range(3):
        await receipts.check(letter(b"one"))


async def test_other_body_under_the_signature_is_refused(receipts: Receipts) -> None:
    """
    Who has seen an address cannot write a body of his own; the first goes on to count.
    """
    await receipts.check(letter(b"one"))

    with pytest.raises(BadSignature, match="another push"):
        await receipts.check(letter(b"two"))
    await receipts.check(letter(b"one"))
    await receipts.check(letter(b"two", "s2"))


async def test_receipt_outlives_the_signature(
    receipts: Receipts, store: Store, time_machine: TimeMachine
) -> None:
    """
    A signature of the window's far end is known until its near end has passed, and not for ever.
    """
    await receipts.check(letter(b"one"))

    await time_machine.forward(600)
    with pytest.raises(BadSignature):
        await receipts.check(letter(b"two"))
    await time_machine.forward(2)

    assert [] == await store.redis.keys(store.key("*"))


async def test_letter_whose_signature_covers_it_leaves_nothing(
    receipts: Receipts, store: Store
) -> None:
    """
    In safe mode there is nothing to remember.
    """
    await receipts.check(letter(b"one", signature=""))

    assert [] == await store.redis.keys(store.key("*"))


async def test_store_does_not_hold_a_signature(receipts: Receipts, store: Store) -> None:
    """
    Nothing in a dump of the store can be used as one.
    """
    await receipts.check(letter(b"one", "the-signature"))

    (key,) = await store.redis.keys(store.key("*"))
    assert "the-signature" not in key


async def test_no_store_means_no_receipt() -> None:
    """
    What cannot be looked up is not taken.
    """
    async with connect("unix:///nowhere/at/all", "p") as away:
        with pytest.raises(StoreUnavailable):
            await Receipts(away, window_seconds=300).check(letter(b"one"))
