"""Every statement of the engine whose plan PostgreSQL keeps."""

from metrics.engine import ground, merge, state, told_slots, valued, write_slots
from metrics.sketches import write

KEPT = (
    *ground.KEPT,
    *state.KEPT,
    *valued.KEPT,
    *told_slots.KEPT,
    *write_slots.KEPT,
    *merge.KEPT,
    *write.KEPT,
)
