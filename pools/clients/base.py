"""What a pool client is, and what it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from hmm.door import Answer, NotOurTurn, Source, ask, books
from hmm.door.source import host_of
from hmm.lib.http import BadAnswer, HttpError, Reply
from hmm.lib.sockets import Deadline
from hmm.lib.texts import storable_text
from pools.clients.figures import Figures

TOO_OFTEN = 429


class PoolError(Exception):
    """The pool told nothing usable; `reason` is for people.

    `step` names what failed where the pool was spoken to in stratum: dns, connect, tls, subscribe, authorize; "http"
    where its web address was asked. `answered` says that somebody there did answer. `unknown` says that this tells
    nothing of the pool: it was not asked, or it answers that we ask too often.
    """

    def __init__(
        self, reason: str, step: str = "http", *, answered: bool = False, unknown: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = storable_text(reason)  # it may quote what was answered
        self.step = step
        self.answered = answered
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a pool is asked about: an address or a name, and what opens its door where it wants that."""

    user: str = ""
    token: str = ""

    @property
    def address(self) -> str:
        """The user without the name of a worker: "bc1q….rig1" is at the pool as "bc1q…"."""
        return self.user.strip().partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReport:
    """What a pool says; None where it does not. Hashrates are GH/s, money is the pool's coin.

    `hashrate_ghs`, `workers`, `best_difficulty` and `balance` are the user's, as is the current hashrate over the
    pool's own window, 5 minutes mostly; `pool_…` are everybody's. `accepted` and `rejected` are counters of work, in
    shares or in difficulty. `age_s` is how old the figures are, `stale` why they could not be had anew, and `unknown`
    says of that reason what it does of a PoolError's.
    """

    response_time_ms: float | None = None
    hashrate_ghs: float | None = None
    hashrate_1h_ghs: float | None = None
    hashrate_1d_ghs: float | None = None
    workers: int | None = None
    best_difficulty: float | None = None
    balance: float | None = None
    pool_hashrate_ghs: float | None = None
    pool_workers: int | None = None
    pool_users: int | None = None
    blocks_found: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    reject_rate: float | None = None
    age_s: float = 0.0
    stale: str = ""
    unknown: bool = False
    warnings: tuple[str, ...] = ()


class PoolClient(Protocol):
    """Asks pools of one kind. Without state: one instance serves every pool."""

    name: str
    """The value of `Pool.client`."""

    base_url: str
    """Where it asks unless told otherwise; empty where every pool has its own address."""

    is_solo: bool
    """Whether a block's whole reward goes to its finder: what one earns then is an expectation."""

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """Return what the pool at `base_url` says, by `deadline`. Raises PoolError."""


@dataclass(frozen=True)
class Asking:
    """One pool asked over HTTP: the time there is, and what has been seen so far."""

    source: Source
    base_url: str
    deadline: Deadline
    use_cache: bool
    headers: dict[str, str]

    def get(
        self, path: str, read: Callable[[Reply], Figures], params: dict[str, str] | None = None
    ) -> Answer[Figures]:
        """Return what is at `path`, read; a figure that was no figure is kept as the source's last error.

        Raises PoolError.
        """
        answer = self._answer(path, read, params)
        if answer.value.warnings and not answer.is_stale:
            told = "; ".join(answer.value.warnings)
            books().note(self.source.name, host_of(self.base_url), None, told)
        return answer

    def _answer(
        self, path: str, read: Callable[[Reply], Figures], params: dict[str, str] | None
    ) -> Answer[Figures]:
        left_s = self.deadline.at - Deadline.after(0).at
        if left_s <= 0:
            raise PoolError(self.deadline.missed().reason)
        try:
            return ask(
                self.source,
                f"{self.base_url}{path}",
                read,
                params=params,
                headers=self.headers,
                within_s=left_s,
                use_cache=self.use_cache,
            )
        except HttpError as error:
            raise PoolError(
                error.reason, answered=isinstance(error, BadAnswer), unknown=tells_nothing(error)
            ) from error


def asking(
    source: Source,
    base_url: str,
    deadline: Deadline,
    *,
    use_cache: bool,
    ends: tuple[str, ...] = (),
    headers: dict[str, str] | None = None,
) -> Asking:
    """Return the way to ask the pool at `base_url`; one that leads to an `ends` of the pool's own is shortened.

    Raises PoolError where it is no address.
    """
    found = base_url.strip()
    try:
        parts = urlsplit(found)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise PoolError(f"{base_url!r} is not an address such as https://solo.ckpool.org")
    found = found.rstrip("/")
    for end in ends:
        found = found.removesuffix(end)
    return Asking(source, found, deadline, use_cache, headers or {})


def json_object(reply: Reply) -> dict[str, Any]:
    """Return the JSON object that a reply is. Raises BadAnswer, also where it says that there is no such thing."""
    if b"not found" in reply.body[:200].lower():
        raise BadAnswer("not found: the pool does not know it", 200)
    found = reply.json()
    if not isinstance(found, dict):
        raise BadAnswer("answer is not a JSON object", 200)
    if told := _complaint(found):
        raise BadAnswer(f"the pool says: {told}", 200)
    return found


def _complaint(found: dict[str, Any]) -> str:
    """Return the error that is all there is in an answer of status 200."""
    error = found.get("error")
    if not error or len(found) > 4:
        return ""
    return str(found.get("message") or error)[:200]


Place = tuple[str, Callable[[Reply], Figures]]
"""Where something is told, and what reads it."""


class PoolAndUser:
    """What most clients are: the pool's figures at one place, and the user's under their address at another."""

    source: Source
    ends: tuple[str, ...]
    """How the address of such a pool may end that people copy."""

    pool_at: Place
    user_at: Place

    def report(self, base_url: str, account: Account, deadline: Deadline, *, use_cache: bool) -> PoolReport:
        """See PoolClient."""
        way = asking(self.source, base_url, deadline, use_cache=use_cache, ends=self.ends)
        user = quote(account.address, safe="")
        path, read = self.user_at
        return asked_both(
            lambda: way.get(*self.pool_at), (lambda: way.get(f"{path}{user}", read)) if user else None
        )


def tells_nothing(error: HttpError | None) -> bool:
    """Return whether an error says nothing of the service: it was not asked, or we ask it too often."""
    return isinstance(error, NotOurTurn) or (error is not None and error.status == TOO_OFTEN)


def asked_both(
    pool: Callable[[], Answer[Figures]] | None, user: Callable[[], Answer[Figures]] | None
) -> PoolReport:
    """Return the report made of what the pool says of itself and of the user, each asked where it is given.

    Where one of them fails and the other does not, the failure is a warning. Raises PoolError where nothing is told.
    """
    answers: list[Answer[Figures]] = []
    failures: list[tuple[str, PoolError]] = []
    for whose, question in (("pool", pool), ("user", user)):
        if question is not None:
            try:
                answers.append(question())
            except PoolError as error:
                failures.append((whose, error))
    if not answers:
        raise failures[-1][1]
    warnings = [f"{whose}: {error.reason}" for whose, error in failures]
    return report_of(answers, warnings)


def report_of(answers: Sequence[Answer[Figures]], warnings: Sequence[str] = ()) -> PoolReport:
    """Return the report that these answers make together: as old as the oldest, as quick as the quickest."""
    found: dict[str, Any] = {}
    for answer in answers:
        found |= {name: figure for name, figure in answer.value.found.items() if figure is not None}
    return PoolReport(
        **found,
        response_time_ms=round(min(answer.took_s for answer in answers) * 1000, 3),
        age_s=round(max(answer.age_s for answer in answers), 1),
        stale=next((answer.error for answer in answers if answer.error), ""),
        unknown=any(tells_nothing(answer.cause) for answer in answers),
        warnings=(*warnings, *(each for answer in answers for each in answer.value.warnings)),
    )
