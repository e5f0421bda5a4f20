# SPDX-License-Identifier: BSL-1.0
"""Two builds of a program: stock, and with drop_in.hpp forced in."""

import os
import pathlib
import re
import shutil
import subprocess

_ROOT = pathlib.Path(__file__).resolve().parents[3]
# Only behaviour is compared, so the compiler does not optimise.
_FLAGS = ["-std=c++20", "-O0", "-w", "-pthread", "-include", "cstdlib"]
_DROP_IN = ["-DASIO_URING_DROP_IN=1", "-include", "asio_uring/drop_in.hpp"]
_BUILD_SECONDS = 900


class Builder:
    def __init__(self, work, library, places):
        self._work = work
        self._library = library
        self._places = places
        launcher = os.environ.get("CMAKE_CXX_COMPILER_LAUNCHER", "").split()
        self._compiler = [*launcher, os.environ.get("CXX", "g++")]

    def both(self, program):
        """Binaries by name, stock and moved, and why there are none."""
        try:
            folder = self._work / "programs" / program.name
            place = self._place(program, folder)
            return (
                self._binaries(program, place, folder, "stock"),
                self._binaries(program, place, folder, "moved"),
                "",
            )
        except _DoesNotBuild as error:
            return {}, {}, str(error)

    def _place(self, program, folder):
        """The sources; a copy where they are changed."""
        missing = {program.place, program.headers} - {"", *self._places}
        if missing:
            raise _DoesNotBuild(f"could not be fetched: {', '.join(sorted(missing))}")
        place = pathlib.Path(self._places.get(program.place, _ROOT))
        if not program.changes:
            return place
        copy = folder / "sources"
        # Absolute: a source of our own.
        sources = [
            source
            for files in program.binaries.values()
            for source in files
            if not os.path.isabs(source)
        ]
        for source in sources:
            parent = (copy / source).parent
            if not parent.exists():
                shutil.copytree((place / source).parent, parent)
            text = (place / source).read_text(encoding="utf-8")
            for old, new in program.changes.items():
                text = text.replace(old, new)
            (copy / source).write_text(text, encoding="utf-8")
        found = [(copy / s).read_text() != (place / s).read_text() for s in sources]
        if not any(found):
            raise _DoesNotBuild("the text to change is not in the sources")
        return copy

    def _binaries(self, program, place, folder, kind):
        return {
            name: self._link(program, place, folder / kind, kind, name, sources)
            for name, sources in program.binaries.items()
        }

    def _link(self, program, place, folder, kind, name, sources):
        folder.mkdir(parents=True, exist_ok=True)
        objects = [self._object(program, place, folder, kind, source) for source in sources]
        binary = folder / name
        command = [*self._compiler, "-pthread", "-o", str(binary), *objects]
        if kind == "moved":
            command.append(str(self._library))
        command += [f"-l{library}" for library in program.libraries]
        self._run(command, kind)
        return binary

    def _object(self, program, place, folder, kind, source):
        target = folder / (source.replace("/", "_") + ".o")
        command = [*self._compiler, *_FLAGS, *program.flags]
        command += [f"-I{place / folder}" for folder in ("", *program.include_folders)]
        if program.headers:
            command.append(f"-I{self._places[program.headers]}")
        if kind == "moved":
            command += [f"-I{_ROOT / 'include'}", *_DROP_IN]
        self._run([*command, "-c", str(place / source), "-o", str(target)], kind)
        return str(target)

    def _run(self, command, kind):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise _DoesNotBuild(f"{kind}: the compiler did not end") from None
        if done.returncode != 0:
            error = re.search(r"(?:error|undefined reference).*", done.stderr)
            text = error.group(0) if error else done.stderr[-200:]
            raise _DoesNotBuild(f"{kind}: {text[:160]}")


class _DoesNotBuild(Exception):
    pass
