# SPDX-License-Identifier: BSL-1.0

"""What a figure depends on: machine, kernel, compiler, flags, Boost; and who else ran."""

import os
import pathlib
import platform
import re
import resource
import time


def _cmake_cache(build):
    entries = {}
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        found = re.match(r"([A-Za-z0-9_]+):[A-Z]+=(.*)", line)
        if found:
            entries[found.group(1)] = found.group(2)
    return entries


def _first_match(path, pattern, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        return otherwise
    return found.group(1) if found else otherwise


def _boost_version(cache):
    for folder in (cache.get("Boost_INCLUDE_DIR"), "/usr/include"):
        if folder:
            version = _first_match(
                pathlib.Path(folder) / "boost/version.hpp",
                r'define BOOST_LIB_VERSION "([0-9_]+)"',
            )
            if version != "unknown":
                return version.replace("_", ".")
    return "unknown"


def _compiler(build):
    for path in (build / "CMakeFiles").glob("*/CMakeCXXCompiler.cmake"):
        name = _first_match(path, r'CMAKE_CXX_COMPILER_ID "(\w+)"')
        return f'{name} {_first_match(path, r"CMAKE_CXX_COMPILER_VERSION .([0-9.]+)")}'
    return "unknown"


def describe(build):
    """Pairs of name and text for the head of a report."""
    cache = _cmake_cache(build) if (build / "CMakeCache.txt").exists() else {}
    kind = cache.get("CMAKE_BUILD_TYPE", "")
    flags = cache.get(f"CMAKE_CXX_FLAGS_{kind.upper()}", "")
    off = pathlib.Path("/sys/devices/system/cpu/vulnerabilities").glob("*")
    mitigated = sum(path.read_text().startswith("Mitigation") for path in off)
    return [
        ("kernel", f"{platform.release()} ({platform.version()})"),
        ("CPU", _first_match("/proc/cpuinfo", r"^model name\s*: (.*)$")),
        ("CPUs usable", str(len(os.sched_getaffinity(0)))),
        ("mitigations active", str(mitigated)),
        ("compiler", _compiler(build)),
        ("flags", f'{kind}: {cache.get("CMAKE_CXX_FLAGS", "")} {flags}'.strip()),
        ("Boost", _boost_version(cache)),
        ("date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
    ]


def _busy_s():
    ticks = [int(word) for word in _first_match("/proc/stat", r"^cpu\s+(.*)$").split()]
    user, nice, system, _idle, _iowait, irq, softirq = ticks[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _own_s(servers):
    ours = time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours += children.ru_utime + children.ru_stime
    return ours + sum(server.cpu_ns() for server in servers) / 1e9


class Bystanders:
    """The share of all CPU time that processes outside this run used."""

    def __init__(self, servers=()):
        self._servers = servers
        self._start = (time.monotonic(), _busy_s(), _own_s(servers))

    def share(self):
        wall, busy, own = self._start
        elapsed = (time.monotonic() - wall) * (os.cpu_count() or 1)
        foreign = (_busy_s() - busy) - (_own_s(self._servers) - own)
        return max(0.0, foreign / elapsed) if elapsed > 0 else 0.0
