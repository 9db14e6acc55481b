"""Lineage as a drawing: checkpoints above, then the datasets, campaigns and labelers that they come from, row by row.

Rows are the longest ways down to a leaf, with the last three kept for datasets, campaigns and labelers. Lines that
pass a row have a place of their own in it; places are ordered by the mean of their neighbours' (Sugiyama 1981).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from app.checkpoints.models import CheckpointKind
from app.rounds.lineage import CheckpointNode, DatasetNode, Labeler, Lineage
from app.translation import gettext as _
from app.translation import ngettext

LABELERS, CAMPAIGNS, DATASETS = 0, 1, 2  # rows from below; checkpoints stand above them
WIDTH, HEIGHT = 160, 52
GAP, PASSING, ROW = 16, 12, 96  # between boxes, for a line that passes, and from row to row
SWEEPS = 6
MOST_SIGNS = 21

Key = tuple[str, int]


@dataclass(frozen=True)
class Box:
    """`kind` names the class that it is drawn by; `detail` is the second line."""

    key: Key
    title: str
    detail: str
    kind: str
    href: str = ""
    x: float = 0
    y: float = 0

    @property
    def short(self) -> str:
        return self.title if len(self.title) <= MOST_SIGNS else self.title[: MOST_SIGNS - 1] + "…"


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    boxes: list[Box]
    lines: list[str]


def drawn(lineage: Lineage) -> Drawing:
    boxes = {box.key: box for box in _boxes(lineage)}
    edges = list(dict.fromkeys(_edges(lineage)))
    rows = _rows(lineage, edges)
    layers, chains = _layers(rows, edges)
    _order(layers, chains)
    return _placed(boxes, layers, chains)


def _boxes(lineage: Lineage) -> Iterator[Box]:
    for node in lineage.checkpoints.values():
        yield _checkpoint_box(node)
    for dataset in lineage.datasets.values():
        rows = ngettext("{num} row", "{num} rows", dataset.dataset.rows).format(num=dataset.dataset.rows)
        number = dataset.dataset.id
        yield Box(("dataset", number), dataset.dataset.name, rows, "dataset", f"/datasets/{number}")
    for campaign, people in _by_campaign(lineage.datasets.values()).items():
        labels = sum(each.annotations for each in people)
        said = ngettext("{num} annotation", "{num} annotations", labels).format(num=labels)
        name = people[0].campaign.name
        yield Box(("campaign", campaign), name, said, "campaign", f"/campaigns/{campaign}")
        count = len({each.user.id for each in people})
        named = ngettext("{num} labeler", "{num} labelers", count).format(num=count)
        yield Box(("labelers", campaign), named, "", "labelers")


def _checkpoint_box(node: CheckpointNode) -> Box:
    made = node.checkpoint
    run = _("run {number}").format(number=node.run.id) if node.run else _("no run here")
    detail = _("{kind}, {run}").format(kind=kind_in_words(made.kind), run=run)
    return Box(("checkpoint", made.id), made.name, detail, made.kind.value, f"/checkpoints/{made.id}")


def kind_in_words(kind: CheckpointKind) -> str:
    return {
        CheckpointKind.BASE: _("Base model"),
        CheckpointKind.SFT: _("SFT model"),
        CheckpointKind.REWARD: _("Reward model"),
        CheckpointKind.POLICY: _("Policy"),
        CheckpointKind.EXTERNAL: _("Known by name"),
    }[kind]


def _by_campaign(datasets: Iterable[DatasetNode]) -> dict[int, list[Labeler]]:
    found: dict[int, list[Labeler]] = defaultdict(list)
    for dataset in datasets:
        for labeler in dataset.labelers:
            found[labeler.campaign.id].append(labeler)
    return found


def _edges(lineage: Lineage) -> Iterator[tuple[Key, Key]]:
    for number, node in lineage.checkpoints.items():
        for _setting, below in node.checkpoints:
            yield ("checkpoint", number), ("checkpoint", below)
        for _setting, below in node.datasets:
            yield ("checkpoint", number), ("dataset", below)
    for number, dataset in lineage.datasets.items():
        for labeler in dataset.labelers:
            yield ("dataset", number), ("campaign", labeler.campaign.id)
            yield ("campaign", labeler.campaign.id), ("labelers", labeler.campaign.id)


def _rows(lineage: Lineage, edges: list[tuple[Key, Key]]) -> dict[Key, int]:
    below: dict[Key, list[Key]] = defaultdict(list)
    for upper, lower in edges:
        below[upper].append(lower)
    kept = {"dataset": DATASETS, "campaign": CAMPAIGNS, "labelers": LABELERS}

    @cache
    def row(key: Key) -> int:
        if key[0] in kept:
            return kept[key[0]]
        return 1 + max((DATASETS, *(row(lower) for lower in below[key])))

    every = [("checkpoint", number) for number in lineage.checkpoints]
    every += [("dataset", number) for number in lineage.datasets]
    return {key: row(key) for key in [*every, *(lower for _upper, lower in edges)]}


Layers = dict[int, list[Key]]
Chains = list[list[Key]]


def _layers(rows: dict[Key, int], edges: list[tuple[Key, Key]]) -> tuple[Layers, Chains]:
    """The keys of each row, and of each line the places that it goes through, in rows between made for it."""
    layers: Layers = defaultdict(list)
    for key, row in rows.items():
        layers[row].append(key)
    chains: Chains = []
    for number, (upper, lower) in enumerate(edges):
        chain = [upper]
        for row in range(rows[upper] - 1, rows[lower], -1):
            chain.append((f"passing {row}", number))
            layers[row].append(chain[-1])
        chains.append([*chain, lower])
    return layers, chains


def _order(layers: Layers, chains: Chains) -> None:
    """Sorts each row in place, down and up in turn."""
    neighbours: dict[Key, list[Key]] = defaultdict(list)
    for chain in chains:
        for upper, lower in pairwise(chain):
            neighbours[upper].append(lower)
            neighbours[lower].append(upper)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in sorted(layers, reverse=downwards):
            beside = _places(layers.get(row + 1 if downwards else row - 1, []))
            now = _places(layers[row])
            wanted = {key: _mean([beside[n] for n in neighbours[key] if n in beside], now[key]) for key in now}
            layers[row].sort(key=wanted.__getitem__)


def _places(keys: list[Key]) -> dict[Key, float]:
    """Where each stands in its row, from 0 to 1."""
    return {key: (number + 0.5) / len(keys) for number, key in enumerate(keys)}


def _mean(places: list[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _placed(boxes: dict[Key, Box], layers: Layers, chains: Chains) -> Drawing:
    widths = {row: sum(_width(key, boxes) + GAP for key in keys) - GAP for row, keys in layers.items()}
    width, top = max(widths.values()), max(layers)
    middles: dict[Key, tuple[float, float]] = {}
    for row, keys in layers.items():
        x = (width - widths[row]) / 2
        for key in keys:
            middles[key] = (x + _width(key, boxes) / 2, (top - row) * ROW + HEIGHT / 2)
            x += _width(key, boxes) + GAP
    placed = [replace(box, x=middles[key][0] - WIDTH / 2, y=middles[key][1] - HEIGHT / 2) for key, box in boxes.items()]
    lines = [_line([middles[key] for key in chain]) for chain in chains]
    return Drawing(width, top * ROW + HEIGHT, placed, lines)


def _width(key: Key, boxes: dict[Key, Box]) -> int:
    return WIDTH if key in boxes else PASSING


def _line(points: list[tuple[float, float]]) -> str:
    """From the lower edge of a box to the upper edge of another, upright at each place on its way."""
    x, y = points[0]
    y += HEIGHT / 2
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, middle) in enumerate(points[1:], start=1):
        to_y = middle - HEIGHT / 2
        path += f"C{x:.1f} {(y + to_y) / 2:.1f} {to_x:.1f} {(y + to_y) / 2:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
        if number < len(points) - 1:
            y += HEIGHT
            path += f"V{y:.1f}"
    return path
