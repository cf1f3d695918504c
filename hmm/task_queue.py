"""How much waits in the task queue, wherever that is."""

import logging

from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def is_in_database() -> bool:
    """Return whether the queue is a table; else it is on the Redis that REDIS_URL names."""
    return bool(Conf.ORM)


def queued_tasks() -> int | None:
    """Return how many tasks are in the queue; None where its Redis does not answer.

    The table also has those that a worker has in hand. Redis forgets a task when a worker takes it.
    """
    if is_in_database():
        return OrmQ.objects.count()
    try:
        return int(get_broker().queue_size())
    except RedisError as error:
        log.warning("the task queue's Redis does not answer: %s", error)
        return None
