"""A round as a graph: what is run and what people rank, with their states, from the first model to the evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from app.rounds.plan import Step
from app.rounds.queries import StepView

WIDTH, HEIGHT = 112, 48  # of a node, in the drawing's own units: pixels
ACROSS, DOWN = 132, 64  # from one node to the next
EDGE = 4  # round the drawing

# What each of them waits for. Freezing and choosing prompts take no time, so they are not drawn.
AFTER: dict[Step, tuple[Step, ...]] = {
    Step.PRETRAIN: (),
    Step.SFT: (Step.PRETRAIN,),
    Step.CANDIDATES: (Step.SFT,),
    Step.CANDIDATE_APPROVAL: (Step.CANDIDATES,),
    Step.COMPARE: (Step.CANDIDATES, Step.CANDIDATE_APPROVAL),
    Step.REWARD: (Step.SFT, Step.COMPARE),
    Step.PPO: (Step.SFT, Step.REWARD),
    Step.ALIGN: (Step.SFT, Step.COMPARE, Step.REWARD),
    Step.SAMPLES: (Step.SFT, Step.PPO, Step.ALIGN),
    Step.EARLIER_SAMPLES: (Step.SFT,),
    Step.TEST_SAMPLES: (Step.SFT, Step.PPO, Step.ALIGN),
    Step.EARLIER_TEST_SAMPLES: (Step.SFT,),
    Step.SAMPLE_APPROVAL: (Step.SAMPLES, Step.EARLIER_SAMPLES, Step.TEST_SAMPLES, Step.EARLIER_TEST_SAMPLES),
    Step.NEXT_COMPARE: (Step.SAMPLES, Step.EARLIER_SAMPLES, Step.SAMPLE_APPROVAL),
    Step.EVALUATION: (Step.TEST_SAMPLES, Step.EARLIER_TEST_SAMPLES, Step.SAMPLE_APPROVAL),
    Step.HELD_OUT_SCORES: (Step.REWARD, Step.EVALUATION),
}

Waits = dict[Step, set[Step]]


@dataclass(frozen=True)
class Node:
    """Its upper left corner; `href` where there is a page of it."""

    view: StepView
    x: int
    y: int
    href: str | None


@dataclass(frozen=True)
class Graph:
    """`edges`: paths of SVG, from the right of one node to the left of another."""

    width: int
    height: int
    nodes: list[Node]
    edges: list[str]


def graph_of(views: Sequence[StepView]) -> Graph:
    """Nodes in the order of the steps."""
    drawn = {view.step: view for view in views if view.step in AFTER}
    waits = without_detours({step: set(AFTER[step]) & set(drawn) for step in drawn})
    places = places_of(waits)
    nodes = [Node(drawn[step], *_corner(places[step]), _page_of(drawn[step])) for step in drawn]
    edges = [_path(places[before], places[step]) for step in drawn for before in sorted(waits[step])]
    columns, rows = (max((place[axis] for place in places.values()), default=0) for axis in (0, 1))
    return Graph(columns * ACROSS + WIDTH + 2 * EDGE, rows * DOWN + HEIGHT + 2 * EDGE, nodes, edges)


def without_detours(waits: Waits) -> Waits:
    """Only what a step waits for last: not what that has waited for itself."""
    all_before: Waits = {}
    for step in TopologicalSorter(waits).static_order():
        all_before[step] = waits[step].union(*(all_before[each] for each in waits[step]))
    return {step: before - set().union(*(all_before[each] for each in before)) for step, before in waits.items()}


def places_of(waits: Waits) -> dict[Step, tuple[int, int]]:
    """Column and row: each step as late as those allow that wait for it, below earlier steps of its column."""
    columns = _columns(waits)
    places: dict[Step, tuple[int, int]] = {}
    for step in waits:
        row = sum(column == columns[step] for column, _ in places.values())
        places[step] = (columns[step], row)
    return places


def _columns(waits: Waits) -> Mapping[Step, int]:
    order = list(TopologicalSorter(waits).static_order())
    columns: dict[Step, int] = {}
    for step in order:
        columns[step] = max((columns[before] + 1 for before in waits[step]), default=0)
    for step in reversed(order):
        columns[step] = min((columns[each] - 1 for each in waits if step in waits[each]), default=columns[step])
    return columns


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return EDGE + place[0] * ACROSS, EDGE + place[1] * DOWN


def _path(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Into the row of its end at once, then straight on."""
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    right, turned, middle = x1 + WIDTH, x1 + ACROSS, HEIGHT // 2
    bend = (right + turned) // 2
    return f"M{right},{y1 + middle}C{bend},{y1 + middle} {bend},{y2 + middle} {turned},{y2 + middle}H{x2}"


def _page_of(view: StepView) -> str | None:
    if view.run:
        return f"/runs/{view.run.id}"
    if view.approval:
        return f"/rounds/{view.approval.round_id}/samples?asked={view.approval.id}"
    return f"/campaigns/{view.campaign.id}" if view.campaign else None
