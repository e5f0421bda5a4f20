# SPDX-License-Identifier: BSL-1.0

"""The table of scenarios. To add one, write its class and enter it here."""

from scenarios.context_life import ContextLife
from scenarios.echo import Echo, EchoOfEachForm, EchoOfOne
from scenarios.echo_other import EchoLocal, EchoUdp
from scenarios.file_processes import CopyTree, WriteFileSeq
from scenarios.files import FileRead
from scenarios.files_other import FileFsync, SmallFiles
from scenarios.http_file import HttpFile
from scenarios.idle import Idle
from scenarios.post import Post
from scenarios.ring_layer import RingFile, RingNop
from scenarios.self_check import SelfCheck
from scenarios.servers import AcceptChurn, Http, Mixed, Stream
from scenarios.sizes import Sizes
from scenarios.tax import CoroTax, ErasedTax
from scenarios.threads import Threads, Threads2, ThreadsWithContexts
from scenarios.timers import Timers

_ALL = [
    EchoOfOne(64),
    EchoOfEachForm(64, 64),
    Echo(512, 64),
    Echo(64, 4096),
    EchoLocal(),
    EchoUdp(),
    Stream(),
    Http(),
    AcceptChurn(),
    Mixed(),
    Idle(),
    CoroTax(),
    ErasedTax(),
    Threads2(),
    Threads(1),
    ThreadsWithContexts(256),
    Threads(4),
    Threads(8),
    Post(),
    Timers(),
    ContextLife(),
    FileRead(1),
    FileRead(32),
    FileRead(128),
    SmallFiles(),
    FileFsync(),
    HttpFile(),
    WriteFileSeq(),
    CopyTree(),
    Sizes(),
    RingNop(),
    RingFile(),
]

DEFAULT = [one.name for one in _ALL]
BY_NAME = {one.name: one for one in [*_ALL, SelfCheck()]}
