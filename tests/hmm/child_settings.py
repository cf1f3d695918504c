"""Settings of processes that tests start: those of the tests, on the tests' own database."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["HMM_TEST_DATABASE"]
