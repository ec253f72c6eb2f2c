"""The graph as a tree of names: what each project depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from decant_tools.workspace.draw.picture import Box, Line, Picture
from decant_tools.workspace.draw.words import plain

SEEN = "(above)"


def text(picture: Picture) -> str:
    """Return a picture as a tree; what has been written out once is only named the next time."""
    if not picture.boxes:
        return "No projects.\n"
    lines = [*_Tree(picture).lines()]
    ways = [f"cycle: {' → '.join(map(plain, way))}" for way in picture.ways()]
    return "\n".join([*lines, *([""] if ways else []), *ways]) + "\n"


class _Tree:
    def __init__(self, picture: Picture) -> None:
        self.boxes = {box.id: box for box in picture.boxes}
        self.names = picture.names
        self.after: dict[str, list[Line]] = defaultdict(list)
        self.needed: set[str] = set()
        for line in picture.lines:
            self.after[line.source].append(line)
            self.needed.add(line.target)
        self.frames = dict(picture.frames)
        self.written: set[str] = set()

    def lines(self) -> Iterator[str]:
        framed = sorted({box.frame for box in self.boxes.values() if box.frame})
        for frame in framed:
            inside = [plain(box.name) for box in self.boxes.values() if box.frame == frame != box.id]
            yield f"{frame.partition(':')[0]} {plain(self.frames[frame])}: {', '.join(inside)}"
        if framed:
            yield ""
        for box in sorted(self.boxes.values(), key=lambda box: (box.id in self.needed, box.id)):
            if box.id not in self.needed or box.id not in self.written:
                yield from self._from(box)

    def _from(self, top: Box) -> Iterator[str]:
        """Yield a tree; a stack instead of recursion, as a chain of libs may be long."""
        yield self._label(top, None)
        self.written.add(top.id)
        stack = [("", iter(self._marked(top)))]
        while stack:
            indent, left = stack[-1]
            line, is_last = next(left, (None, False))
            if line is None:
                stack.pop()
                continue
            box = self.boxes[line.target]
            repeated = box.id in self.written and bool(self.after.get(box.id))
            branch = "└─ " if is_last else "├─ "
            yield f"{indent}{branch}{self._label(box, line)}{f' {SEEN}' if repeated else ''}"
            if not repeated:
                self.written.add(box.id)
                stack.append((indent + ("   " if is_last else "│  "), iter(self._marked(box))))

    def _marked(self, box: Box) -> list[tuple[Line | None, bool]]:
        lines = self.after.get(box.id, [])
        return [(line, number == len(lines) - 1) for number, line in enumerate(lines)]

    def _label(self, box: Box, line: Line | None) -> str:
        words = [plain(box.path or box.name) if box.kind == "file" else f"{box.kind} {plain(box.name)}"]
        if box.host and line is None and self.names[box.host] != box.name:
            words.append(f"in service {plain(self.names[box.host])}")
        if line is not None:
            words.append(f"({', '.join(line.kinds)})")
        if box.state:
            words.append(f"[{box.state}]")
        return " ".join(words)
