"""Files of `NAME=value` lines: one variable is read or written, all other lines stay as they are."""

import re


def variable(text: str, name: str) -> str | None:
    """The value of a variable, the last one where it is set more than once; None where it is not."""
    found: list[str] = re.findall(rf"^{_head(name)}(.*)$", text, re.MULTILINE)
    return found[-1] if found else None


def with_variable(text: str, name: str, value: str | None) -> str:
    """The text with a variable set where it stood first, or at the end; without it where the value is None."""
    lines = []
    there = value is None
    for line in text.splitlines(keepends=True):
        head = re.match(_head(name), line)
        if head is None:
            lines.append(line)
        elif not there:
            lines.append(f"{head[0]}{value}\n")
            there = True
    if not there:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(f"{name}={value}\n")
    return "".join(lines)


def _head(name: str) -> str:
    return rf"(?:export[ \t]+)?{re.escape(name)}="
