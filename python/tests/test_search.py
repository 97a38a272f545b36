"""Searches by Optuna: the same again with the same seed, nothing looked at twice, and the program behind them."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from pulvinar_search import Answer, SearchError, search
from pulvinar_search.optimise import drive

ROOT = Path(__file__).parents[2]

SPACE = """
objectives = ["latency_us", "energy_pj"]
[reference]
latency_us = 1000.0
energy_pj = 1e7
[set]
model = "small-ta"
fidelity = "analytic"
input.count = 2
[keys]
core.lanes = [1, 2, 4, 8]
quantise.weight_bits = [4, 8]
noc.routing = ["xy", "yx"]
[[constraint]]
product = ["core.lanes", "quantise.weight_bits"]
at_most = 32
"""


class Bowl:
    """In place of the program: two objectives of three axes; the last value of the first axis is infeasible."""

    def __init__(self):
        sizes = [(21, True), (21, True), (3, False)]
        self.head = {"axes": [{"size": n, "ordered": o} for n, o in sizes], "objectives": ["a", "b"]}
        self.numbers, self.asked = {}, []

    def ask(self, points):
        self.asked.append(sorted(points))
        for p in sorted(points):
            self.numbers.setdefault(p, len(self.numbers) + 1)
        return [self.answer(p) for p in sorted(points)]

    def answer(self, p):
        x, y, z = p[0] / 20, p[1] / 20, p[2] / 2
        if p[0] == 20:
            return Answer(p, "infeasible", self.numbers[p], hypervolume=0.0)
        unit = (x * x + (y - 0.5) ** 2 + z, (x - 1) ** 2 + (y - 0.5) ** 2 + z)
        return Answer(p, "ok", self.numbers[p], unit=unit, hypervolume=0.0)

    def close(self):
        return {"points": len(self.numbers)}


def looked_at(sampler, seed, budget=60):
    bowl = Bowl()
    watched = []
    assert drive(bowl, sampler, budget, seed, 8, watched.append)["points"] == budget
    assert [a.number for a in watched] == list(range(1, budget + 1))
    return bowl


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_search_repeats_itself(sampler):
    pytest.importorskip("optuna")
    first = looked_at(sampler, 1)
    assert first.asked == looked_at(sampler, 1).asked
    assert first.asked != looked_at(sampler, 2).asked


def test_tpe_goes_where_points_were_good():
    pytest.importorskip("optuna")

    def good(sampler):
        bowl = looked_at(sampler, 3)
        units = [bowl.answer(p).unit for p in bowl.numbers]
        return sum(1 for u in units if u is not None and sum(u) < 1.05)

    assert good("tpe") > 2 * good("random")


def test_a_space_that_is_used_up_ends_the_search():
    pytest.importorskip("optuna")
    bowl = Bowl()
    bowl.head["axes"] = [{"size": 2, "ordered": True}] * 2 + [{"size": 1, "ordered": False}]
    assert drive(bowl, "tpe", 100, 1, 4)["points"] == 4


def test_what_cannot_be_searched_is_refused(monkeypatch, tmp_path):
    pytest.importorskip("optuna")

    def refused(words, **options):
        options = {"budget": 9, "program": "no-such-program", **options}
        with pytest.raises(SearchError) as caught:
            search("SPACE.toml", str(tmp_path / "S"), **options)
        assert words in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    refused("no sampler `cma`; there are auto, tpe, nsga2, random", sampler="cma")
    refused("a budget of at least 1", budget=0)
    refused("a batch of at least 1", batch=0)
    refused("cannot start `no-such-program`")
    monkeypatch.setitem(sys.modules, "optuna", None)
    refused("pip install 'optuna>=5'")


@pytest.fixture
def program():
    """`PULVINAR`, the program on the path, or one that was built here."""
    built = [ROOT / "target" / profile / "pulvinar" for profile in ("release", "debug")]
    found = [os.environ.get("PULVINAR"), shutil.which("pulvinar"), *(str(p) for p in built if p.is_file())]
    found = [p for p in found if p]
    if not found:
        pytest.skip("the pulvinar program is not built")
    return found[0]


def test_every_point_goes_through_the_store(program, tmp_path):
    pytest.importorskip("optuna")
    space = tmp_path / "SPACE.toml"
    space.write_text(SPACE)
    store, log = str(tmp_path / "S"), tmp_path / "log.jsonl"

    def run(budget, **options):
        options = {"sampler": "tpe", "batch": 4, "program": program, "output": str(log), **options}
        return search(str(space), store, budget, **options), log.read_text()

    first, text = run(8, confirm=True)
    assert (first["points"], first["end"]) == (8, "budget")
    assert first["evaluated"] == 8 + len(first["front"])
    assert all(p["confirmed"]["status"] == "ok" for p in first["front"])
    again, same = run(8, jobs=1)
    assert again["evaluated"] == 0
    assert text == same
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 9))
    # 14 of 16 points meet the constraint.
    assert run(100)[0]["points"] == 14
    space.write_text(SPACE.replace("core.lanes = [1", "core.lane = [1"))
    with pytest.raises(SearchError, match="E0902"):
        run(8)
