"""Which way to the host is tried first."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.standins.world import World
from tests.host.bench import route


@pytest.fixture
def routes(world: World) -> Any:
    return world.load("kassa.host.routes").Routes([route(name, 1) for name in "abc"])


def order(routes: Any) -> str:
    return "".join(route.name for route in routes.in_order())


def test_healthy_routes_are_tried_in_the_configured_order(routes: Any) -> None:
    assert order(routes) == "abc"


def test_the_one_that_failed_most_comes_last(routes: Any) -> None:
    routes.all[0].failed()
    routes.all[0].failed()
    routes.all[2].failed()
    assert order(routes) == "bca"


def test_an_answer_makes_a_route_healthy_again(routes: Any) -> None:
    routes.all[0].failed()
    routes.all[0].worked(120)
    assert order(routes) == "abc"


def test_failures_are_forgiven_after_five_minutes(world: World, routes: Any) -> None:
    routes.all[0].failed()
    time = world.load("time")
    time.sleep(299)
    assert order(routes) == "bca"
    time.sleep(2)
    assert order(routes) == "abc"


def test_failures_are_forgiven_though_the_ticks_have_wrapped_meanwhile(
    world: World, routes: Any
) -> None:
    routes.all[0].failed()
    world.load("time").sleep(8 * 86_400)  # more than half of what the counter can tell apart
    assert order(routes) == "abc"


def test_the_time_to_an_answer_is_smoothed(routes: Any) -> None:
    route = routes.all[0]
    route.worked(100)
    assert route.answer_ms == 100
    route.worked(500)
    assert route.answer_ms == 200
