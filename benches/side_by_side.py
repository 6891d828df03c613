"""Times hier_config on the pairs that `engine --write FOLDER` wrote, and prints a Markdown table with both tools."""

import pathlib
import sys
import time

from hier_config import Platform, WorkflowRemediation, get_hconfig


def measure(running: str, intended: str) -> tuple[float, int]:
    """Returns the processor seconds of reading both texts and computing the commands, and the number of commands."""
    start = time.process_time()
    workflow = WorkflowRemediation(
        get_hconfig(Platform.CISCO_IOS, running), get_hconfig(Platform.CISCO_IOS, intended)
    )
    remediation = workflow.remediation_config
    seconds = time.process_time() - start
    return seconds, sum(1 for line in remediation.all_children() if not line.children)


folder = pathlib.Path(sys.argv[1])
running = (folder / "running.cfg").read_text()
print(f"| {running.count(chr(10)):,} lines of IOS | hier_config {sys.argv[2]} | Reconverge | factor | commands |")
print("|---|---|---|---|---|")
for row in (folder / "reconverge.tsv").read_text().splitlines():
    index, name, ours_ms, operations = row.split("\t")
    intended = (folder / f"intended-{index}.cfg").read_text()
    seconds, commands = min(measure(running, intended) for _ in range(2))
    factor = seconds * 1000 / float(ours_ms)
    print(f"| {name} | {seconds:.2f} s | {float(ours_ms):.1f} ms | {factor:.0f} | {commands} and {operations} |")
