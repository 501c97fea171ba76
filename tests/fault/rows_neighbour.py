# SPDX-License-Identifier: Apache-2.0
"""Rows 57 to 62: neighbours on the territory's broker."""
import os

from rig import ROOT, NotBuilt
from row import row


def need_exchange():
    if not os.path.exists(os.path.join(ROOT, "src/exchange")):
        raise NotBuilt("nothing of the exchange between sites is there")
    raise NotBuilt("the exchange between sites has no scenario here yet")


@row(57, "a neighbour floods with 10,000 messages/s and one of 60 MB: memory grows by at most", 10, "MiB")
def flood(t):
    need_exchange()


@row(58, "invalid JSON, deep nesting, duplicate keys, NaN, 1e400: messages taken", 0, "messages")
def nonsense(t):
    need_exchange()


@row(59, "forged, replayed, future-dated, reused sequence numbers: messages taken", 0, "messages")
def forged(t):
    need_exchange()


@row(60, "absurd but signed: rules that act on a neighbour's word alone", 0, "rules")
def absurd(t):
    need_exchange()


@row(61, "a neighbour disappears: its offers live on after their expiry by at most", 60, "s")
def vanished(t):
    need_exchange()


@row(62, "two gateways with one site id: sides that do not report it", 0, "sides")
def twins(t):
    need_exchange()
