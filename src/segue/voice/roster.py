"""The providers of one role: their chain, and in which order it is walked for a profile or a variant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from segue.voice.attempt import P
from segue.voice.chain import Chain


@dataclass(slots=True)
class Roster(Generic[P]):
    """A chain with its orders; `orders` holds the names for a profile, and under the empty name for all others."""

    chain: Chain[P]
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lead: str = ""
    """Who goes before all others, but for a variant's own choice; empty for nobody."""

    def govern(self, off: Mapping[str, str], lead: str) -> None:
        """Switch providers off, with the reason of each, and all others on; and say who goes first.

        It holds for whatever is asked from now on; what a provider has begun it finishes.
        """
        for name, target in self.chain.targets.items():
            target.off = off.get(name)
        self.lead = lead

    def ranked(self, profile: str = "", first: str = "") -> tuple[str, ...]:
        """All names in order of preference, those that are switched off behind the others."""
        targets = self.chain.targets
        names = self.orders.get(profile) or self.orders.get("") or tuple(targets)
        for leader in (self.lead, first):
            if leader and leader in targets:
                names = (leader, *(name for name in names if name != leader))
        return tuple(sorted(names, key=lambda name: targets[name].off is not None))

    def order(self, profile: str = "", first: str = "") -> tuple[str, ...]:
        """Names in order of preference, with `first` (a variant's choice) before all others.

        Who is switched off is not among them; where all are, all are told, so that the error says so of each.
        """
        names = self.ranked(profile, first)
        return tuple(name for name in names if self.chain.targets[name].off is None) or names

    def present(self) -> tuple[str, ...]:
        """Those that could be used if nobody had switched them off."""
        return tuple(name for name in self.ranked() if self.chain.targets[name].out is None)

    def usable(self, profile: str = "") -> tuple[str, ...]:
        """Those of the order that can be used at all."""
        return self.chain.able(self.order(profile))

    def first(self, profile: str = "", first: str = "") -> P:
        """The provider that would be asked first."""
        order = self.order(profile, first)
        return self.chain.targets[(self.chain.able(order) or order)[0]].provider
