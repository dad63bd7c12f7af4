"""The providers of one role: their chain, and in which order it is walked for a profile or a variant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from segue.voice.attempt import P
from segue.voice.chain import Chain


@dataclass(frozen=True, slots=True)
class Roster(Generic[P]):
    """A chain with its orders; `orders` holds the names for a profile, and under the empty name for all others."""

    chain: Chain[P]
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def order(self, profile: str = "", first: str = "") -> tuple[str, ...]:
        """Names in order of preference, with `first` (a variant's choice) before all others."""
        names = self.orders.get(profile) or self.orders.get("") or tuple(self.chain.targets)
        if first and first in self.chain.targets:
            names = (first, *(name for name in names if name != first))
        return names

    def usable(self, profile: str = "") -> tuple[str, ...]:
        """Those of the order that can be used at all."""
        return self.chain.able(self.order(profile))

    def first(self, profile: str = "", first: str = "") -> P:
        """The provider that would be asked first."""
        order = self.order(profile, first)
        return self.chain.targets[(self.chain.able(order) or order)[0]].provider
