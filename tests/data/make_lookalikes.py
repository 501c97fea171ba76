#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes made-up recordings with the oddities that exports of real systems have: heat_meter.csv, truck_loads.csv.

usage: tests/data/make_lookalikes.py DIRECTORY

The same bytes each time. What is odd about them, and how a description (.replay) says so, is told in docs/rules.md.
"""
import datetime
import math
import os
import sys
import zoneinfo


class Dice:
    """A small generator of our own, so that no version of a library changes the files."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (self.state >> 11) / 2 ** 53

    def bell(self):
        return sum(self() for _ in range(6)) - 3


# ---- A district heating meter, read each hour ----

def heat_hours():
    """One row per hour of 2019 in Tallinn: registers as a meter shows them."""
    dice, zone = Dice(10259), zoneinfo.ZoneInfo("Europe/Tallinn")
    at = datetime.datetime(2019, 1, 1, tzinfo=zone).astimezone(datetime.timezone.utc)
    end = datetime.datetime(2020, 1, 1, tzinfo=zone).astimezone(datetime.timezone.utc)
    energy, volume, hours, drift = 11.05, 245.49, 4549, 0.0
    while at < end:
        local = at.astimezone(zone)
        day = local.timetuple().tm_yday
        drift = 0.98 * drift + 0.7 * dice.bell()
        outdoor = 5.5 - 11.5 * math.cos(2 * math.pi * (day - 20) / 365) + drift
        outdoor -= 2.5 * math.cos(2 * math.pi * (local.hour - 15) / 24 + math.pi)
        heating = max(0.0, 1.05 * (16.0 - outdoor))
        washing = 2.4 * (1.0 + math.cos(2 * math.pi * (local.hour - 7.5) / 12)) if local.hour >= 5 else 0.4
        power = max(0.0, heating + washing + 0.8 * dice.bell())
        supply = max(66.0, 78.0 - 1.1 * outdoor) + 0.4 * dice.bell()
        back = 33.0 + 0.22 * power + 1.2 * dice.bell()
        if local.month == 8 and 5 <= local.day <= 9:  # a valve of the hot water hangs: warm water goes straight back
            back = supply - 6.0 + 0.3 * dice.bell()
            power = 9.0 + 0.4 * dice.bell()
        if (local.month, local.day, local.hour) == (6, 12, 10):
            power = 0.0
        flow = 0.0 if power == 0 else power / (1.149 * (supply - back)) * 1000
        energy += power / 1000
        volume += flow / 1000
        yield [local.strftime("%Y-%m-%d %H:00"), "10259", "%.3f" % energy, "%.2f" % volume, str(hours), "%.1f" % power,
               "%.0f" % flow, "%.2f" % supply, "%.2f" % back]
        hours += 1
        at += datetime.timedelta(hours=1)


def heat_rows():
    """As exported: the last day of each month but December's comes twice."""
    day = []
    for row in heat_hours():
        if day and row[0][:10] != day[0][0][:10]:
            if day[0][0][5:7] != row[0][5:7]:
                yield from day
            day = []
        day.append(row)
        yield row


# ---- A weighbridge ----

KINDS = [  # name, loads on a working day, pounds
    ("RECYCLING - SINGLE STREAM", 48, 9600), ("ORGANICS", 40, 11800), ("GARBAGE COLLECTIONS", 58, 17600),
    ("SWEEPING", 9, None), ("BRUSH", 11, 6200), ("RECYCLED METAL", 0.4, 1500)]


def truck_loads():
    dice = Dice(2021)
    day = datetime.date(2021, 1, 4)
    while day <= datetime.date(2021, 7, 9):
        storm = datetime.date(2021, 2, 15) <= day <= datetime.date(2021, 2, 19)
        share = 0.0 if day.weekday() == 6 or storm else 0.25 if day.weekday() == 5 else 1.0
        if datetime.date(2021, 2, 22) <= day <= datetime.date(2021, 3, 6):
            share *= 1.25  # what was left lying in the storm's week
        for name, loads, pounds in KINDS:
            n = int(loads * share * (1 + 0.1 * dice.bell()) + dice())
            for _ in range(n):
                hour = 1 + int(12 * dice())
                # The afternoon lost its PM: hours are 01 to 12 only.
                time = "%s %02d:%02d:00.000000 UTC" % (day, hour, 0 if dice() < 0.15 else int(60 * dice()))
                weight = "" if pounds is None else "%.1f" % (20 * round(pounds * (1 + 0.2 * dice.bell()) / 20))
                if pounds and dice() < 0.0004:
                    weight = "%.1f" % (pounds * 12)  # a digit too many
                yield [str(day), time, name, weight, "MRF" if name.startswith("REC") else "LANDFILL"]
        day += datetime.timedelta(days=1)


def truck_rows():
    """In no order of time, and some of them twice."""
    dice = Dice(445)
    rows = sorted(truck_loads(), key=lambda r: (r[2], r[4]))
    order = sorted(range(len(rows)), key=lambda _: dice())
    for i in order:
        yield rows[i]
        if dice() < 0.017:
            yield rows[i]


def write(directory, name, heading, rows):
    with open(os.path.join(directory, name), "w", newline="") as f:
        f.write(heading + "\n")
        for row in rows:
            f.write(",".join(row) + "\n")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write(sys.argv[1], "heat_meter.csv",
          "READ_DATE,METERID,ENERGY,VOLUME,HOURS,POWER1,FLOW,FLOW_TEMP,RETURN_TEMP", heat_rows())
    write(sys.argv[1], "truck_loads.csv", "report_date,load_time,load_type,load_weight,dropoff_site", truck_rows())


main()
