"""The published form of the store, how far it is filled, and who may read it from outside."""

from metrics.models.open_sums import OpenPart, OpenSums
from metrics.models.store import Metric, SlotGrid, StoreForm, Watermark
from metrics.models.token import ApiToken

__all__ = ["ApiToken", "Metric", "OpenPart", "OpenSums", "SlotGrid", "StoreForm", "Watermark"]
