"""Who is to speak the next sentence of a reply, after what became of those before it. Pure state."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lineup:
    """The synthesizers of one reply in order of preference, so that its voice changes as seldom as can be.

    Who speaks goes on speaking; in whose place another had to speak is preferred no more.
    """

    order: tuple[str, ...]
    _failed: set[str] = field(default_factory=set)

    def lead(self, name: str) -> None:
        """A provider has begun to speak: the sentences after this one are asked of it first."""
        if name not in self._failed:
            self.order = (name, *(other for other in self.order if other != name))

    def demote(self, name: str) -> None:
        """A provider has failed and another spoke in its place: it goes behind the others, for good."""
        self._failed.add(name)
        self.order = (*(other for other in self.order if other != name), name)
