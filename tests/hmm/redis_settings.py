"""Settings of processes that tests start on the tests' database and on the Redis that REDIS_URL names."""

from hmm.settings import CACHES as CACHES_OF_THE_PROJECT
from tests.hmm.child_settings import *  # noqa: F403

CACHES = CACHES_OF_THE_PROJECT
