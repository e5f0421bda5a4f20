# SPDX-License-Identifier: BSL-1.0

"""The table of scenarios. To add one, write its class and enter it here."""

from scenarios.echo import Echo, EchoWithFallback
from scenarios.echo_other import EchoLocal, EchoUdp
from scenarios.ring_layer import RingFile, RingNop
from scenarios.self_check import SelfCheck
from scenarios.sizes import Sizes
from scenarios.tax import CoroTax, ErasedTax
from scenarios.threads import Threads2, Threads4, Threads8
from scenarios.timers import Timers

_ALL = [
    Echo(1, 64),
    EchoWithFallback(64, 64),
    Echo(512, 64),
    Echo(64, 4096),
    EchoLocal(),
    EchoUdp(),
    CoroTax(),
    ErasedTax(),
    Threads2(),
    Threads4(),
    Threads8(),
    Timers(),
    Sizes(),
    RingNop(),
    RingFile(),
]

DEFAULT = [one.name for one in _ALL]
BY_NAME = {one.name: one for one in [*_ALL, SelfCheck()]}
