r"""LaTeX in a reply, reduced to signs that can be spoken: `\frac{1}{2}` → 1/2, `x_{1} \leq 5` → x 1 ≤ 5.

Only what models write in ordinary answers is known. An unknown command keeps its name as a word.
"""

import re

_DOLLARS = re.compile(r"\$(?=[^\s$])([^$\n]{1,300}?)(?<=[^\s\\])\$(?![\w$])")
_LOOKS_LIKE_MATH = re.compile(r"[\\^={}]|_\w|^[A-Za-z]$")
_DELIMITERS = re.compile(r"\$\$|\\[()\[\]](?!\()|\\begin\{[a-z*]{1,20}\}|\\end\{[a-z*]{1,20}\}")
_FRACTION = re.compile(r"\\[dt]?frac\s{0,3}\{([^{}]{1,200})\}\s{0,3}\{([^{}]{1,200})\}")
_ROOT = re.compile(r"\\sqrt\s{0,3}\{([^{}]{1,200})\}")
_GROUP = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname|boxed|textbf|textit|emph)\s{0,3}\{([^{}]{0,300})\}")
_SCRIPT = re.compile(r"([\^_])\{([^{}]{1,100})\}")
_COMMAND = re.compile(r"\\([A-Za-z]{2,20})(?![A-Za-z])")
_SIGNS = {
    "times": " × ", "cdot": " × ", "div": " ÷ ", "pm": " ± ", "leq": " ≤ ", "le": " ≤ ", "geq": " ≥ ", "ge": " ≥ ",
    "neq": " ≠ ", "ne": " ≠ ", "approx": " ≈ ", "to": " → ", "rightarrow": " → ", "Rightarrow": " → ", "infty": "∞",
    "left": "", "right": "", "quad": " ", "qquad": " ", "ldots": "…", "dots": "…", "degree": "°", "circ": "°",
    "sum": "∑", "int": "∫", "in": " ∈ ", "equiv": " ≡ ", "displaystyle": "", "limits": "",
}  # fmt: skip


def without_latex(text: str) -> str:
    """The text with formulas in plain signs. Dollars that hold no formula stay: `$5 and $10` is money."""
    if "$" in text:
        text = _DOLLARS.sub(_undelimited, text)
    if "\\" not in text and "$$" not in text:
        return text
    text = _GROUP.sub(r"\1", text)
    for _ in range(2):
        text = _FRACTION.sub(_quotient, text)
        text = _ROOT.sub(r"√\1", text)
    text = _SCRIPT.sub(r"\1\2 ", text)
    text = _COMMAND.sub(lambda match: _SIGNS.get(match.group(1), match.group()), text)
    return _DELIMITERS.sub(" ", text)


def _undelimited(match: re.Match[str]) -> str:
    inside = match.group(1)
    return _SCRIPT.sub(r"\1\2 ", inside) if _LOOKS_LIKE_MATH.search(inside) else match.group()


def _quotient(match: re.Match[str]) -> str:
    top, bottom = match.group(1).strip(), match.group(2).strip()
    return f"{top}/{bottom}" if top.isdecimal() and bottom.isdecimal() else f"{top} ÷ {bottom}"
