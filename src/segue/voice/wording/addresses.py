"""Addresses as a person would say them: hosts, e-mail, file names, IP numbers.

A bare URL is spoken as its host (and port), for nobody can follow a spoken path; an e-mail address is spoken whole.
"""

import re
from collections.abc import Callable, Mapping

_URL = re.compile(
    r"(?:<\s*)?(?:(?:https?|wss?|ftp)://|mailto:|www\.(?=\w))(?:[\w.+-]{1,64}@)?([\w.-]{1,253}|\[[0-9a-fA-F:]{2,39}\])(?::(\d{1,5}))?"
    r"([/?#][^\s<>\"'`«»“”「」（），。；！？]{0,2000})?(?:\s*>)?"
)
_EMAIL = re.compile(
    r"(?<![\w.+-])([\w+-]{1,64}(?:\.[\w+-]{1,64}){0,8})@((?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24})(?![\w-])"
)
_IP = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2}))?(?::(\d{1,5}))?(?![\w]|\.\d)")
_MAC = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:])")
_LAST_LABELS = (
    "com|org|net|edu|gov|info|io|ai|dev|app|co|uk|us|ua|ru|de|fr|pl|eu|me|tv|cn|jp|kz|by|ch|it|es|nl|se|fi|no|cz|tech|xyz|"
    "site|online|shop|blog|news|cloud|local|internal|example|test|js|ts|jsx|tsx|py|ipynb|md|rst|txt|json|jsonl|yaml|yml|"
    "toml|ini|cfg|conf|env|lock|html|htm|css|scss|xml|svg|png|jpg|jpeg|gif|webp|pdf|csv|tsv|zip|tar|gz|bz2|xz|7z|rar|exe|"
    "dmg|deb|rpm|apk|sh|bat|ps1|rs|go|java|kt|rb|php|cpp|hpp|cs|swift|sql|db|log|bak|tmp|wav|mp3|mp4|ogg|opus|flac|webm|"
    "avi|mkv|mov|doc|docx|xls|xlsx|ppt|pptx|odt|onnx|pt|bin|iso|vue|svelte|tf|proto"
)
_HOST = re.compile(
    rf"(?<![\w.@-])[A-Za-z0-9_-]{{1,63}}(?:\.[A-Za-z0-9_-]{{1,63}}){{0,6}}\.(?:{_LAST_LABELS})(?![\w-]|\.\w)(?:/[\w./?=&%#-]{{0,500}})?"
    r"|(?<![\w.@-])[A-Za-z_]\w{0,63}(?:\.[A-Za-z_]\w{0,63}){1,6}(?=\()"
    r"|(?<![\w.@-])(?:[\w-]{1,63}\.){1,4}(?:укр|рф|ком|бел)(?!\w)|(?<![\w.…!?,;:])\.(?:NET|[a-z][A-Za-z0-9]{1,15})(?!\w)"
)
_DOTTED_INITIALS = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]\Z")
_NAMES = {".": "dot", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "colon"}
_MENTION = re.compile(r"(?<![\w@])[@#](?=[^\W\d_])")


class Addresses:
    """Speaks the addresses of a text: `signs` names dot, at, dash, underscore, slash and port, `number` says digits."""

    def __init__(self, signs: Mapping[str, str], number: Callable[[str], str]) -> None:
        self._signs = signs
        self._number = number

    def speak(self, text: str) -> str:
        """The text with its addresses in words."""
        if "@" in text:
            text = _EMAIL.sub(lambda match: self._spell(match.group(), underscores=True), text)
        text = _URL.sub(self._url, text)
        text = _MAC.sub(lambda match: match.group().replace(":", " "), text)
        text = _IP.sub(self._ip, text)
        text = _HOST.sub(self._host, text)
        return _MENTION.sub("", text)

    def _url(self, match: re.Match[str]) -> str:
        host, port, path = match.group(1), match.group(2), match.group(3) or ""
        shown = host.strip("[]").rstrip(".-").removeprefix("www.")
        port_words = f", {self._signs['port']} {self._number(port)}" if port else ""
        return f"{self._spell(shown)}{port_words}{_tail(match.group(), host, path)}"

    def _ip(self, match: re.Match[str]) -> str:
        parts = match.group(1).split(".")
        if any(int(part) > 255 for part in parts):
            return match.group()
        words = f" {self._signs['dot']} ".join(map(self._number, parts))
        words += f" {self._signs['slash']} {self._number(match.group(2))}" if match.group(2) else ""
        return words + (f" {self._signs['port']} {self._number(match.group(3))}" if match.group(3) else "")

    def _host(self, match: re.Match[str]) -> str:
        """A host or file name; initials (e.g) and numbers (1.5kg) only look like one."""
        written = match.group().partition("/")[0]
        if _DOTTED_INITIALS.match(written) or not _has_name(written):
            return match.group()
        return self._spell(written)

    def _spell(self, address: str, *, underscores: bool = False) -> str:
        """The signs inside an address by name, its digits as numbers; an underscore only where it must be typed."""
        address = address if underscores else address.replace("_", " ").strip()
        spoken = "".join(f" {self._signs[_NAMES[char]]} " if char in _NAMES else char for char in address)
        spoken = re.sub(r"\d{1,15}", lambda match: f" {self._number(match.group())} ", spoken)
        return re.sub(r"\s+", " ", spoken).strip()


def _tail(whole: str, host: str, path: str) -> str:
    """Punctuation of the sentence that the pattern took with the address."""
    end = path or (host if whole.endswith(host) else "")
    kept = end[len(end.rstrip(".,;:!?)…")) :] if end else ""
    return kept.lstrip(")") if "(" in path else kept


def _has_name(written: str) -> bool:
    """The part in front of the last dot holds a letter."""
    return written.startswith(".") or any(char.isalpha() for char in written.rpartition(".")[0])
