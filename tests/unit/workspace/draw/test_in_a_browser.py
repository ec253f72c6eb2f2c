"""The picture as a browser draws it: with its fonts, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decant_tools.workspace.draw import render
from tests.unit.workspace.draw.graphs import graph, plain, shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from decant_tools.workspace.model import Graph

pytestmark = pytest.mark.browser

LONG = graph({"service:" + "a_very_long_name_of_a_service_" * 3: ["lib:größe_日本語_ünïcode", "lib:WWWWWWWWMMMMMMMM"]})

FITS = """() => [...document.querySelectorAll('g')].filter(g => g.querySelector(':scope > rect.box')).flatMap(g => {
  const box = g.querySelector('rect.box').getBoundingClientRect()
  return [...g.querySelectorAll(':scope > text')].map(text => text.getBoundingClientRect())
    .filter(text => text.left < box.left || text.right > box.right - 2 || text.top < box.top || text.bottom > box.bottom)
    .map(text => `${text.right} > ${box.right}`)
})"""

INSIDE = """() => {
  const page = document.querySelector('svg').getBoundingClientRect()
  return [...document.querySelectorAll('text, path, rect')].map(each => each.getBoundingClientRect())
    .filter(each => each.left < -1 || each.top < -1 || each.right > page.right + 1 || each.bottom > page.bottom + 1).length
}"""


@pytest.mark.parametrize("drawn", [plain(), LONG, shop({"shop": ["catalog", "orders", "payments", "web"]})])
def test_every_label_fits_its_box_and_everything_the_picture(drawn: Graph, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    path.write_text(render(drawn, "svg", changed=frozenset({"lib:db"})))
    page.goto(path.as_uri())
    assert page.evaluate(FITS) == []
    assert page.evaluate(INSIDE) == 0


def test_the_picture_follows_the_readers_colours(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "graph.svg"
    path.write_text(render(plain(), "svg"))
    page.goto(path.as_uri())
    colour = "() => getComputedStyle(document.querySelector('.page')).fill"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert (light, page.evaluate(colour)) == ("rgb(251, 252, 253)", "rgb(18, 23, 29)")
