"""What all tests share: property tests that draw the same examples every time, so that a red test means a change.

To search with fresh examples: `HYPOTHESIS_PROFILE=search make unit`.
"""

import gc
import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def pytest_collection_finish() -> None:
    """What was loaded and collected stays to the end: looking through it for garbage after each test is in vain."""
    gc.collect()
    gc.freeze()
