"""Graphs that say what was made from what."""

import pickle
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from course_utils.check._statements import expression, in_turn, that

VISITS = 1000  # more than any expression of a test has paths
SMALL = 8  # a graph with more values is too long for a message


def ordered(find: Callable, *graphs: Mapping[Hashable, Sequence[Hashable]]) -> None:
    """find(last, inputs_of) lists the values of each graph, each once and after all of its inputs.

    graphs: value -> the values that it was made from. The first value of a graph is last; all others lead to
    it.
    """
    tables = []
    for graph in graphs:
        # An answer may get at this table and change it, so it gets a copy. Its own order says nothing.
        given = {value: tuple(inputs) for value, inputs in sorted(graph.items(), key=repr)}
        tables.append((find, pickle.dumps((next(iter(graph)), given))))
    known = set().union(*graphs)
    for graph, order in zip(graphs, in_turn(_found, tables), strict=True):
        _in_order(order, graph, next(iter(graph)), known)


def _in_order(
    order: Any, graph: Mapping[Hashable, Sequence[Hashable]], last: Hashable, known: Set[Hashable]
) -> None:
    """known: the values of this graph and of others, which the answer got before or got next."""
    that(order is not None, "should be a list, found None: is there a return?")
    that(isinstance(order, list | tuple), f"should be a list, found a value of type {type(order).__name__}")
    order, where = list(order), f"graph = {graph}" if len(graph) <= SMALL else f"{len(graph)} values"
    place = {value: number for number, value in enumerate(order)}
    strange, missing = [one for one in place if one not in graph], [one for one in graph if one not in place]
    kept = "belongs to another call: each call needs a list and a set of its own"
    why = kept if strange and strange[0] in known else "is no value"
    that(not strange, f"the list contains {strange[:1]}, which {why} ({where})")
    that(len(place) == len(order), f"a value is in the list more than once ({where})")
    that(missing != [last], f"the result itself is missing; it comes last ({where})")
    that(not missing, f"{missing[:3]} should be in the list and are missing ({where})")
    turned = place[last] == 0 and all(place[s] > place[value] for value in order for s in graph[value])
    that(len(order) == 1 or not turned, f"the result comes first; turn the list around ({where})")
    for value in order:
        late = [source for source in graph[value] if place[source] > place[value]]
        if late:  # the sentence takes long to make
            that(False, f"{value!r} comes before its input {late[:1]} in {order[:SMALL]} ({where})")


def _found(find: Callable, table: bytes) -> Any:
    """What find gives. table: the pickled (last, value -> inputs), for thousands travel much quicker so."""
    last, given = pickle.loads(table)
    return find(last, lambda value: list(given[value]))


def recorded_slopes(texts: Iterable[str], kind: type, *, v: float, **others: float) -> Iterator[float]:
    """The slope of each of these expressions for v, added up over all paths that lead back to it.

    The names in the expressions are numbers of this kind. A number keeps the pairs (input, slope) of its step
    in .made_from; the inputs are of this kind.
    """
    texts = list(texts)
    found = in_turn(_recorded, [(text, kind, v, others) for text in texts])
    for text, (last, leaf, steps) in zip(texts, found, strict=True):
        yield _added_up(text, last, leaf, {id(number): pairs for number, pairs in steps})


def _recorded(text: str, kind: type, v: float, others: Mapping[str, float]) -> tuple[Any, Any, list]:
    """What an expression gives, its leaf v, and the steps between them."""
    leaf = kind(v)
    last = expression(text, v=leaf, **{name: kind(number) for name, number in others.items()})
    return last, leaf, _steps(last, leaf)


def _added_up(text: str, last: Any, leaf: Any, made_from: Mapping[int, Any]) -> float:
    """The slope over all paths. made_from: id of a number -> its .made_from."""
    waiting, total, visits = [(last, 1.0)], 0.0, 0
    while waiting:
        number, slope = waiting.pop()
        if number is leaf:
            total += slope
            continue
        visits += 1  # without end where numbers are their own inputs
        shared = "two numbers share one list, or a number is its own input; each needs a list of its own"
        that(visits < VISITS and id(number) in made_from, f"for {text}, .made_from is wrong: {shared}")
        pairs = made_from[id(number)]
        that(isinstance(pairs, list | tuple), f"for {text}, .made_from should be a list of pairs")
        for pair in pairs:
            whole = isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], type(leaf))
            kind = type(leaf).__name__
            that(whole, f"for {text}, .made_from should hold pairs (input, slope), each input a {kind}")
            that(
                not isinstance(pair[1], type(leaf)), f"for {text}, a slope is a {kind}; record a plain number"
            )
            waiting.append((pair[0], slope * pair[1]))
    return total


def _steps(last: Any, leaf: Any) -> list[tuple[Any, Any]]:
    """(number, its .made_from) of all that leads from the leaf to the last number."""
    found, waiting = {}, [last]
    while waiting:
        number = waiting.pop()
        if number is leaf or id(number) in found:
            continue
        pairs = number.made_from
        found[id(number)] = number, pairs
        for pair in pairs if isinstance(pairs, list | tuple) else ():
            if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], type(leaf)):
                waiting.append(pair[0])
    return list(found.values())
