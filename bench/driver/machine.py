# SPDX-License-Identifier: BSL-1.0

"""What the steps cost on this machine that every ratio of servers is made of: a figure
without them says little about another machine."""

from processes import Children

FIGURES = {
    "syscall_ns": "a system call",
    "ring_entry_ns": "a ring entry alone",
    "ring_entry_batch32_ns": "a ring entry in a batch of 32",
    "thread_switch_ns": "a switch of threads",
}


def measure(settings):
    """The costs, by the name of their figure; without those of a ring where none is."""
    with Children() as children:
        children.realtime = settings.realtime
        command = [settings.program("machine_costs"), "--seconds", "0.3"]
        return children.run_json(command, settings.cpus[0], timeout_s=60)


def description(costs):
    """Pairs of name and text for the head of a report."""
    return [
        (title, f"{costs[figure]:.0f} ns" if figure in costs else "not available")
        for figure, title in FIGURES.items()
    ]


def caption(costs):
    """One line for a plot."""
    return ", ".join(f"{title} {text}" for title, text in description(costs))


def result_lines(costs):
    return [f"RESULT machine {figure} {costs[figure]:.4g}" for figure in costs]
