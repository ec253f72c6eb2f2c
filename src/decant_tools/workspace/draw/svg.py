"""The picture as SVG: one file without scripts or references, light or dark as its reader's screen is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from decant_tools.workspace.draw.layout import Layout, Place, Point, Size, arrange
from decant_tools.workspace.draw.legend import LINES, Entry, entries
from decant_tools.workspace.draw.picture import Box, Line, Picture
from decant_tools.workspace.draw.words import shorten, width, xml

NAME_PX = 14.0
NOTE_PX = 11.0
CELL = 0.605
"""How wide a cell of a fixed-width font is, of its size; the widest of the fonts named below has 0.602."""

MOST_CELLS = 34
HEIGHT = 48.0
PAD_X = 16.0
MARGIN = 28.0
LEGEND_ROW = 26.0
CORNER = {"service": 12, "lib": 2, "module": 7, "file": 2}

STYLE = """\
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1c2733 }
.name { font-size: 14px; font-weight: 600 } .note, .key { font-size: 11px; fill: #566573 }
.frame-name { font-size: 12px; font-weight: 600; fill: #566573 }
.page { fill: #fbfcfd } .frame { fill: #f1f4f7; stroke: #cfd8e0 }
.box { fill: #fff; stroke-width: 1.5 } .mark { stroke: none }
.service .box, .service .spine { stroke: #2563a8 } .service .mark { fill: #2563a8 }
.lib .box, .lib .spine { stroke: #3f7a4c } .lib .mark { fill: #3f7a4c }
.module .box, .module .spine { stroke: #7a4fa3 } .module .mark { fill: #7a4fa3 }
.file .box, .file .spine { stroke: #7b8794 } .file .mark { fill: #7b8794 }
.changed .box { fill: #fde8e6; stroke: #c0281c; stroke-width: 3 } .changed .note { fill: #a3160b; font-weight: 600 }
.affected .box { fill: #fdf1d3; stroke: #b26a00; stroke-width: 2.5 } .affected .note { fill: #835000; font-weight: 600 }
.line { fill: none; stroke: #6b7a89; stroke-width: 1.5 } .tip { fill: #6b7a89; stroke: #6b7a89; stroke-width: 1.5 }
.open { fill: #fbfcfd } .cycle .line, .cycle .tip { stroke: #c0281c; stroke-width: 2.5 } .cycle .tip { fill: #c0281c }
.alert { font-size: 12px; font-weight: 600; fill: #a3160b }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note, .key, .frame-name { fill: #a4b1bd }
.page { fill: #12171d } .frame { fill: #181f27; stroke: #33404d } .box { fill: #1e2730 }
.service .box, .service .spine { stroke: #6aaef5 } .service .mark { fill: #6aaef5 }
.lib .box, .lib .spine { stroke: #79c088 } .lib .mark { fill: #79c088 }
.module .box, .module .spine { stroke: #bf97ea } .module .mark { fill: #bf97ea }
.file .box, .file .spine { stroke: #8f9ba7 } .file .mark { fill: #8f9ba7 }
.changed .box { fill: #431a18; stroke: #ff7b70 } .changed .note { fill: #ff9d95 }
.affected .box { fill: #3d2c0a; stroke: #e8a33d } .affected .note { fill: #f0b95f }
.line, .tip { stroke: #8695a3 } .tip { fill: #8695a3 } .open { fill: #12171d }
.cycle .line, .cycle .tip { stroke: #ff7b70 } .cycle .tip { fill: #ff7b70 } .alert { fill: #ff9d95 }
}"""


def svg(picture: Picture) -> str:
    """Return a picture as SVG."""
    sizes = {box.id: _size(box) for box in picture.boxes}
    links = [(line.source, line.target) for line in picture.lines]
    layout = arrange(sizes, links, {box.id: box.frame for box in picture.boxes if box.frame})
    alerts = [shorten(f"cycle: {' → '.join(way)}", 160) for way in picture.ways()]
    keys = entries(picture)
    wide = max(layout.width, 300.0, *(width(alert) * 12 * CELL for alert in alerts), 0.0)
    rows = _rows(keys, wide)
    legend_top = layout.height + 26 + 22 * len(alerts)
    total_x, total_y = wide + 2 * MARGIN, legend_top + LEGEND_ROW * len(rows) + 2 * MARGIN
    body = [*_frames(picture, layout), *_lines(picture, layout), *_boxes(picture, layout)]
    for row, alert in enumerate(alerts):
        y = layout.height + 26 + 22 * row
        body.append(f'<text class="alert" x="0" y="{y:.1f}">{xml(alert)}</text>')
    body += _legend(rows, legend_top)
    size = f'width="{total_x:.0f}" height="{total_y:.0f}" viewBox="0 0 {total_x:.0f} {total_y:.0f}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="picture-title picture-text">',
        f'<title id="picture-title">{xml(headline(picture))}</title>',
        f'<desc id="picture-text">{xml(" ".join(sentences(picture)))}</desc>',
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="page" width="{total_x:.0f}" height="{total_y:.0f}"/>',
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">',
        *body,
        "</g>\n</svg>\n",
    ])  # fmt: skip


def headline(picture: Picture) -> str:
    """Return what a picture shows, in a line."""
    counts = [
        f"{count} {kind if count == 1 else f'{kind}s'}"
        for kind in ("service", "lib", "module", "file")
        if (count := sum(box.kind == kind for box in picture.boxes))
    ]
    return f"What depends on what: {', '.join(counts) or 'nothing'}"


def sentences(picture: Picture) -> Iterator[str]:
    """Yield what a picture shows, for those who hear it."""
    names = picture.names
    for box in picture.boxes:
        needs = [names[line.target] for line in picture.lines if line.source == box.id]
        state = f" ({box.state})" if box.state else ""
        yield f"{box.kind} {box.name}{state} depends on {', '.join(needs) or 'nothing'}."
    for way in picture.ways():
        yield f"Cycle: {' to '.join(way)}."


def _size(box: Box) -> Size:
    cells = max(width(_label(box)) * NAME_PX, width(_note(box)) * NOTE_PX) * CELL
    return Size(max(96.0, cells + 2 * PAD_X + 8), 34.0 if box.kind == "file" else HEIGHT)


def _label(box: Box) -> str:
    return shorten(box.name, MOST_CELLS)


def _note(box: Box) -> str:
    """Return the words below a name: what it is, and where, unless the name says that."""
    if box.kind == "file":
        return ""
    kind = f"{box.kind}, {box.state}" if box.state else box.kind
    where = "" if box.path.rpartition("/")[2] == box.name and "/" not in box.path else box.path
    return shorten(f"{kind} · {where}" if where else kind, MOST_CELLS + 12)


def _frames(picture: Picture, layout: Layout) -> Iterator[str]:
    labels = dict(picture.frames)
    for frame, place in layout.frames.items():
        kind = next((each.kind for each in picture.projects if each.id == frame), "")
        yield f'<g><rect class="frame" {_rect(place)} rx="14"/>'
        x, y = place.x + 18, place.y + 24
        yield f'<text class="frame-name" x="{x:.1f}" y="{y:.1f}">{xml(f"{kind} {labels[frame]}")}</text></g>'


def _boxes(picture: Picture, layout: Layout) -> Iterator[str]:
    for box in picture.boxes:
        place, drawn = layout.places[box.id], _size(box)
        x, y = place.x + PAD_X + (4 if box.kind == "lib" else 0), place.y
        label, note = _label(box), _note(box)
        place = Place(place.x, place.y, drawn.width, drawn.height)
        classes = f"{box.kind} {box.state}".rstrip()
        tip = f"{box.kind} {box.name}: {box.path or 'the workspace'}"
        if box.host:
            tip += f", served by {picture.names[box.host]}"
        yield f'<g class="{classes}">'
        yield f"<title>{xml(tip)}</title>"
        yield f'<rect class="box" {_rect(place)} rx="{CORNER[box.kind]}"/>{_ornament(box, place)}'
        yield f'<text class="name" x="{x:.1f}" y="{y + (21 if note else 22):.1f}">{xml(label)}</text>'
        yield (f'<text class="note" x="{x:.1f}" y="{y + 38:.1f}">{xml(note)}</text>' if note else "") + "</g>"


def _ornament(box: Box, place: Place) -> str:
    """Return what tells the kinds apart without colour: a bar, a spine, a tab."""
    x, y = place.x, place.y
    if box.kind == "lib":
        return f'<path class="spine" d="M{x + 7:.1f} {y:.1f}v{place.height:g}" stroke-width="1.5"/>'
    if box.kind == "service":
        return f'<rect class="mark" x="{x + 5:.1f}" y="{y + 11:.1f}" width="4" height="{place.height - 22:g}" rx="2"/>'
    if box.kind == "module":
        return f'<path class="mark" d="M{x + place.width - 16:.1f} {y:.1f}h9l0 12l-4.5 -4l-4.5 4z"/>'
    return ""


def _rect(place: Place) -> str:
    return f'x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'


def _lines(picture: Picture, layout: Layout) -> Iterator[str]:
    names = picture.names
    sizes = {box.id: _size(box) for box in picture.boxes}
    ordered = sorted(picture.lines, key=picture.in_cycle)
    for line in ordered:
        points = _to_the_edge(line, layout, sizes)
        style = LINES[line.kinds[0]]
        why = "; ".join(sorted({f"{edge.kind}, {edge.at}" for edge in line.edges})[:6])
        dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
        yield '<g class="cycle">' if picture.in_cycle(line) else "<g>"
        yield f"<title>{xml(f'{names[line.source]} depends on {names[line.target]}: {why}')}</title>"
        yield f'<path class="line" d="{_curve(points)}"{dash}/>{_tip(points, is_open=style.is_open)}</g>'


def _to_the_edge(line: Line, layout: Layout, sizes: dict[str, Size]) -> tuple[Point, ...]:
    """Return a line's points, drawn out to a box that is narrower than its column."""
    points = layout.routes[line.source, line.target]
    if points[-1].x > points[0].x:
        return (Point(layout.places[line.source].x + sizes[line.source].width, points[0].y), *points)
    return (*points, Point(layout.places[line.target].x + sizes[line.target].width, points[-1].y))


def _curve(points: tuple[Point, ...]) -> str:
    """Return a path that turns between columns, and runs level through them."""
    towards = 1 if points[-1].x > points[0].x else -1
    end = Point(points[-1].x - 7 * towards, points[-1].y)
    path = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for one, other in pairwise((*points[:-1], end)):
        if abs(one.y - other.y) < 0.5:
            path.append(f"L{other.x:.1f} {other.y:.1f}")
        else:
            turn = (other.x - one.x) / 2
            path.append(
                f"C{one.x + turn:.1f} {one.y:.1f} {other.x - turn:.1f} {other.y:.1f} {other.x:.1f} {other.y:.1f}"
            )
    return "".join(path)


def _tip(points: tuple[Point, ...], *, is_open: bool) -> str:
    towards = 1 if points[-1].x > points[0].x else -1
    x, y = points[-1]
    shape = f"M{x - 1 * towards:.1f} {y:.1f}l{-8 * towards} -4v8z"
    return f'<path class="tip{" open" if is_open else ""}" d="{shape}" stroke-linejoin="round"/>'


def _rows(keys: list[Entry], wide: float) -> list[list[Entry]]:
    rows: list[list[Entry]] = [[]]
    used = 0.0
    for key in keys:
        room = _room(key)
        if rows[-1] and used + room > wide:
            rows.append([])
            used = 0.0
        rows[-1].append(key)
        used += room
    return rows


def _room(key: Entry) -> float:
    return 44 + width(key.text) * NOTE_PX * CELL + 22


def _legend(rows: list[list[Entry]], top: float) -> Iterator[str]:
    for number, row in enumerate(rows):
        x, y = 0.0, top + LEGEND_ROW * number + 10
        for key in row:
            yield _key(key, x, y)
            yield f'<text class="key" x="{x + 44:.1f}" y="{y + 4:.1f}">{xml(key.text)}</text>'
            x += _room(key)


def _key(key: Entry, x: float, y: float) -> str:
    if key.style is not None:
        points = (Point(x, y), Point(x + 36, y))
        dash = f' stroke-dasharray="{key.style.dash}"' if key.style.dash else ""
        tip = _tip(points, is_open=key.style.is_open)
        return f'<g class="{key.kind}"><path class="line" d="{_curve(points)}"{dash}/>{tip}</g>'
    place = Place(x + 4, y - 8, 28, 16)
    sample = Box("", key.kind, "", "")
    rect = f'<rect class="box" {_rect(place)} rx="{min(6, CORNER.get(key.kind, 3))}"/>'
    ornament = "" if key.kind == "service" else _ornament(sample, place)
    bar = f'<rect class="mark" x="{x + 8:.1f}" y="{y - 4:.1f}" width="3" height="8" rx="1"/>'
    return f'<g class="{key.kind}">{rect}{bar if key.kind == "service" else ornament}</g>'
