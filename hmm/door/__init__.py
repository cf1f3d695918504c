"""The one door to services outside the house: cached, paced, tried again, counted, and honest about age.

    answer = ask(COINGECKO, "https://…/simple/price", read_prices, params={…})
    answer.value, answer.age_s, answer.error

Devices in the house and the raw exchange are hmm.lib.http's; docs/outside-calls.md says what happens when.
"""

from hmm.door.ask import Answer, NotOurTurn, ask, forget_answers, no_longer_than, to_store
from hmm.door.books import Outcome, books
from hmm.door.source import Source

__all__ = [
    "Answer",
    "NotOurTurn",
    "Outcome",
    "Source",
    "ask",
    "books",
    "forget_answers",
    "no_longer_than",
    "to_store",
]
