"""How prices, stock and times are said to people; templates know these as filters."""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from store.web import module

FEW = 10
"""Fewer than this are worth telling."""


@module.app_template_filter()
def money(cents: int) -> str:
    return f"€{cents // 100:,}.{cents % 100:02}"


@module.app_template_filter()
def stock_words(left: int) -> str:
    if left <= 0:
        return "sold out"
    return f"only {left} left" if left < FEW else "in stock"


@module.app_template_filter()
def stock_kind(left: int) -> str:
    return "out" if left <= 0 else "few" if left < FEW else "plenty"


@module.app_template_filter()
def things(count: int) -> str:
    return "1 thing" if count == 1 else f"{count} things"


@module.app_template_filter()
def moment(time: datetime) -> str:
    return time.strftime("%-d %B %Y, %H:%M")


@module.app_template_filter()
def short_id(order_id: str) -> str:
    """Return what people compare of an order's number; the end differs most."""
    return order_id[-6:].upper()


@module.app_template_filter()
def tone_number(key: str) -> int:
    return int(key[1:]) if key[1:].isdecimal() else crc32(key.encode())
