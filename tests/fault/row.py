# SPDX-License-Identifier: Apache-2.0
"""What a row of the fault matrix is, and what its scenario can say while it runs."""

ROWS = []


class Row:
    def __init__(self, number, group, what, limit, unit, of, fast, netns, function):
        self.number, self.group, self.what, self.limit, self.unit = number, group, what, limit, unit
        self.of, self.fast, self.netns, self.function = of, fast, netns, function


def row(number, what, limit, unit="", least=False, fast=False, netns=False):
    """Names a scenario: its number in the matrix, what is done, what the measured number may be at most (or least).
    `fast`: it belongs to `make test`. `netns`: it runs in a network namespace of its own."""
    def take(function):
        group = function.__module__.replace("rows_", "")
        ROWS.append(Row(str(number), group, what, limit, unit, "least" if least else "most", fast, netns, function))
        return function
    return take


class Test:
    """What a scenario is given: `measure` once, `expect` and `judged` as often as it likes."""

    def __init__(self, about, seed):
        self.about, self.seed = about, seed
        self.measured, self.words = None, ""
        self.wrong, self.notes = [], {}

    def measure(self, value):
        self.measured = value
        limit = self.about.limit
        if not (value >= limit if self.about.of == "least" else value <= limit):
            self.wrong.append("measured %s, the limit is %s" % (value, limit))

    def expect(self, condition, words):
        if not condition:
            self.wrong.append(words)
        return condition

    def note(self, **figures):
        self.notes.update(figures)

    def judged(self, rig, verdict, delay=True):
        """The checker's verdict counts, and so does a write to a meter."""
        for v in verdict.violations:
            self.wrong.append(v)
        if verdict.violations:
            self.wrong.append("seed %d; the gateway's log ends:\n%s" % (self.seed, rig.gw.log()[-1500:]))
        forbidden = rig.plant.stats()["forbidden"] if rig.plant.process.poll() is None else 0
        self.expect(forbidden == 0, "%d requests were not reads" % forbidden)
        f = verdict.figures
        if delay:
            self.notes["delay_ms"] = max(f["delay_ms"], self.notes.get("delay_ms", 0))
        self.notes["readings"] = self.notes.get("readings", 0) + f["readings"]
        if f.get("repeats"):
            self.notes["repeats"] = self.notes.get("repeats", 0) + f["repeats"]
        return f
