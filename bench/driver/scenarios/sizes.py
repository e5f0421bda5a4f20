# SPDX-License-Identifier: BSL-1.0

"""The memory of each redirected object and of its operations, beside Asio's own."""

from scenario import Column, Outcome

KINDS = ("object", "operation", "allocations")


class Sizes:
    name = "sizes"
    description = (
        "Bytes of each redirected object and of its operations, with a handler of one "
        "pointer, and allocations of an operation: its memory, and what a copy of the "
        "buffer sequence takes from the heap."
    )
    subject = "asio_uring"
    columns = (
        Column("asio_uring", "sizes_asio_uring", "asio_uring"),
        Column("asio_epoll", "sizes_asio_epoll", "Asio on epoll"),
        Column(
            "asio_uring_erased", "sizes_asio_uring_erased", "asio_uring, any_io_executor"
        ),
        Column(
            "asio_epoll_erased",
            "sizes_asio_epoll_erased",
            "Asio on epoll, any_io_executor",
        ),
        Column(
            "asio_native_uring", "sizes_asio_native_uring", "Asio on its own io_uring"
        ),
    )

    promised = (
        "tcp_socket_object_bytes_erased_vs_asio_epoll_erased",
        "tcp_socket_object_bytes_vs_asio_epoll",
        "steady_timer_object_bytes_vs_asio_epoll",
        "write_of_a_buffer_operation_bytes_vs_asio_epoll",
        "write_of_a_buffer_allocations",
        "write_of_a_vector_of_4_allocations",
        "timer_wait_operation_bytes_vs_asio_epoll",
    )

    def run(self, settings, children):
        outcome = Outcome()
        columns = settings.choose(self.columns)
        values = {
            one.name: children.run_json(one.command(settings), settings.cpus[0], 60)
            for one in columns
        }
        outcome.raw = values
        outcome.notes.append(
            "An open descriptor has more behind it: 64 bytes of its owner here, Asio's "
            "state of the descriptor there (168 bytes in Boost 1.81, and an epoll entry)."
        )
        for kind in KINDS:
            names = [
                key.removeprefix(f"{kind} ")
                for key in values[columns[0].name]
                if key.startswith(f"{kind} ")
            ]
            rows = [
                (name, *(str(values[one.name][f"{kind} {name}"]) for one in columns))
                for name in names
            ]
            unit = "allocations" if kind == "allocations" else f"bytes per {kind}"
            header = (kind, *(one.title for one in columns))
            outcome.tables.append((unit.capitalize(), header, rows))
        self._figures(values, outcome)
        return outcome

    def _figures(self, values, outcome):
        own = values.get(self.subject, {})
        base = values.get("asio_epoll", {})
        for key in own:
            kind, name = key.split(" ", 1)
            figure = f"{name.replace(' ', '_')}_{kind}"
            if kind == "allocations":
                outcome.figures[figure] = own[key]
            elif base:
                outcome.figures[f"{figure}_bytes_vs_asio_epoll"] = own[key] / base[key]
        erased = [values.get(f"{one}_erased") for one in (self.subject, "asio_epoll")]
        if all(erased):
            name = "object tcp socket"
            outcome.figures["tcp_socket_object_bytes_erased_vs_asio_epoll_erased"] = (
                erased[0][name] / erased[1][name]
            )
        name = "allocations write of a vector of 4"
        if own and base and own[name] > base[name]:
            outcome.bounds_missed.append(
                f"a write of a vector of buffers allocates {own[name]} times, Asio's "
                f"reactor form {base[name]} times"
            )
