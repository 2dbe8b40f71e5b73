"""What is said about each kind of experiment: why it is worth trying, what to expect, what it means.

The one place that speaks to somebody who has never broken anything on purpose. A likely verdict is a
guess from the Compose file; the run says what is true.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.model.quantities import format_duration
from chaoskit.scaffold.survey import Seen


@dataclass(frozen=True, kw_only=True)
class Story:
    """The human half of an experiment."""

    slug: str
    title: str
    claim: str  # the description: what must hold
    why: str
    likely: str  # a verdict's name
    because: str
    otherwise: str
    tags: tuple[str, ...] = ()


def crash(one: Seen) -> Story:
    """The only instance of a service that users come to."""
    if one.restarted:
        likely = "healed"
        because = (
            f"`restart: {one.restart}` makes the engine start it again, at once for the first time. "
            "The time you read is your outage: the engine's 0.1 s and your own start-up."
        )
        otherwise = (
            "too_slow: it starts more slowly than you thought; move work out of the start-up, or run "
            "two instances. not_healed: it starts and dies again; see the logs in the report."
        )
    else:
        likely = "not_healed"
        because = (
            f"{one.name} has no `restart:`, so a process that dies stays dead until somebody comes. "
            "Add `restart: unless-stopped` to it and run this again."
        )
        otherwise = (
            "healed: something that chaoskit was not told of started it; name it in `healers`."
        )
    return Story(
        slug=f"crash-{one.name}",
        title=f"{one.name} is back after a crash",
        claim=f"The only {one.name} dies as if it had run out of memory. It must serve again by itself.",
        why=(
            "Every process dies one day. This is the shortest outage that you can have, so it is the "
            "number to compare all others with."
        ),
        likely=likely,
        because=because,
        otherwise=otherwise,
        tags=("crash", "first"),
    )


def needed_crash(one: Seen, users: Sequence[Seen]) -> Story:
    """The only instance of a service that others need."""
    names = _listed([user.name for user in users])
    if one.restarted:
        likely = "healed"
        because = (
            f"the engine starts {one.name} again. Whether {names} then connects again by itself is the "
            "real question: a client that keeps its dead connection needs a restart of its own."
        )
        otherwise = (
            f"not_healed: {one.name} is back and {names} did not notice: connect again on error, and "
            f"test connections before use. masked: the page that is asked does not need {one.name}; "
            "ask one that does."
        )
    else:
        likely = "not_healed"
        because = (
            f"{one.name} has no `restart:`, so it stays down, and what needs it stays broken. Add "
            "`restart: unless-stopped` to it and run this again."
        )
        otherwise = (
            f"masked, or over_budget for `redundancy` alone: the page that is asked does not need "
            f"{one.name}, or {names} goes on without it; ask a page that does need it."
        )
    return Story(
        slug=f"crash-{one.name}",
        title=f"A crash of {one.name} ends by itself",
        claim=f"{one.name} dies. It must come back, and {names} must find it again without help.",
        why=(
            f"{names} needs {one.name}. Coming back is the engine's part; being found again is code of "
            "yours that runs only on such days."
        ),
        likely=likely,
        because=because,
        otherwise=otherwise,
        tags=("crash", "dependency"),
    )


def aside_crash(one: Seen) -> Story:
    """A service that nobody who is asked needs, such as a worker."""
    likely, because = (
        ("masked", f"`restart: {one.restart}` brings it back, and no page that is asked needs it.")
        if one.restarted
        else (
            "over_budget",
            f"{one.name} has no `restart:`: nobody sees that it is gone, and it stays gone. Add "
            "`restart: unless-stopped`.",
        )
    )
    return Story(
        slug=f"crash-{one.name}",
        title=f"{one.name} is at work again after a crash",
        claim=f"{one.name} dies. Nobody who is asked needs it, so only its own return can be seen.",
        why=(
            f"Nothing that is asked here needs {one.name}, so its death is silent. What it had in its "
            "hands is the question: this experiment sees only whether it comes back. To see its work, "
            "add a page or a command that says how much of it waits, and a `ledger` of kind `queue`."
        ),
        likely=likely,
        because=because,
        otherwise="too_slow or not_healed: something that users see needs it after all. Worth knowing.",
        tags=("crash", "worker"),
    )


def replica_crash(one: Seen) -> Story:
    """One of several."""
    back = (
        "the engine starts it again"
        if one.restarted
        else "nothing starts it again, so `redundancy` will be missed: over_budget"
    )
    return Story(
        slug=f"crash-one-{one.name}",
        title=f"Losing one of {one.instances} instances of {one.name} costs almost nobody anything",
        claim=f"One of {one.instances} instances of {one.name} dies. Traffic must go round it.",
        why=(
            f"You pay for {one.instances} instances so that one may die. Whether whoever sends them "
            "traffic tries another one is what this shows: 99 % of the requests must be answered."
        ),
        likely="masked" if one.restarted else "over_budget",
        because=f"whoever balances tries the next one when a connection is refused, and {back}.",
        otherwise=(
            "over_budget for `availability`: requests were sent to the dead one; give the balancer "
            "retries and health checks. not_healed: the others did not serve either."
        ),
        tags=("crash", "redundancy"),
    )


def replica_hang(one: Seen) -> Story:
    """One of several stops answering."""
    return Story(
        slug=f"hang-one-{one.name}",
        title=f"One of {one.instances} instances of {one.name} hangs, and traffic goes round it",
        claim=f"One of {one.instances} instances of {one.name} stops answering without dying.",
        why=(
            "A dead instance refuses connections and is easy to avoid. One that hangs accepts them and "
            f"keeps silent: every request that reaches it waits. One in {one.instances} does, until "
            "somebody stops sending them there."
        ),
        likely="not_healed",
        because=(
            "balancing by name service, and most proxies without an active health check and a time-out "
            "of their own, go on sending requests there."
        ),
        otherwise="masked or healed: whoever balances has a health check that works. Now you know how fast.",
        tags=("hang", "redundancy"),
    )


def hang(one: Seen) -> Story:
    """The only instance stops answering."""
    noticed = (
        f"the health check (every {format_duration(one.check.interval_s)}) will call it unhealthy, and "
        "nothing more: Docker restarts what has ended, not what is unhealthy."
        if one.check
        else f"{one.name} has no health check, so nobody even notices."
    )
    return Story(
        slug=f"hang-{one.name}",
        title=f"A hung {one.name} is noticed and replaced",
        claim=f"{one.name} stops answering without dying, as in a deadlock. Somebody must act.",
        why=(
            "A restart policy waits for a process to end, and a hung one does not end. Many take a health "
            "check for the cure; under Compose it only puts a word into `docker ps`."
        ),
        likely="not_healed",
        because=(
            f"{noticed} Something must act: autoheal, a watchdog in the process, an orchestrator. If you "
            "accept the risk, say so in the file: `expect: not_healed`."
        ),
        otherwise=(
            "masked: the page that is asked does not need it. healed: something acts that chaoskit was "
            "not told of; name it in `healers`."
        ),
        tags=("hang",),
    )


def silent(one: Seen, other: Seen) -> Story:
    """What a service needs does not answer any more."""
    return Story(
        slug=f"{one.name}-without-{other.name}",
        title=f"{one.name} gets over a silent {other.name}",
        claim=(
            f"No packet passes between {one.name} and {other.name}, as if a cable were cut. Within 10 s "
            f"{one.name} must answer again without it."
        ),
        why=(
            f"{one.name} needs {other.name} ({one.needs[other.name]}). A cut cable refuses nothing: "
            "without a time-out a request waits for ever, and the waiting ones soon block everything."
        ),
        likely="not_healed",
        because=(
            f"most code waits for its {other.kind.value}. That is the price of the dependency; the "
            "report shows what users get: an error at once, or none until they give up."
        ),
        otherwise=(
            f"masked: what is asked does not need {other.name}, or there is a fallback. healed: a time-out "
            "and a fallback took over; the time you read is their sum."
        ),
        tags=("network", "dependency"),
    )


def slow(one: Seen, other: Seen) -> Story:
    """What a service needs takes longer."""
    return Story(
        slug=f"slow-{other.name}-for-{one.name}",
        title=f"A slower {other.name} makes {one.name} only a little slower",
        claim=f"Every round trip between {one.name} and {other.name} takes 100 ms longer.",
        why=(
            f"It counts: the time that a page takes longer, divided by 100 ms, is the number of round trips "
            f"to {other.name} that it makes. A page that asks once a row shows it here."
        ),
        likely="masked",
        because="a page with up to three queries on an open connection stays below the 800 ms allowed.",
        otherwise=(
            "over_budget for `latency_p90`: too many round trips for one page, or a new connection for "
            "each. too_slow or not_healed: users waited until their time-out."
        ),
        tags=("latency", "dependency"),
    )


def data(one: Seen) -> Story:
    """What a store had acknowledged."""
    return Story(
        slug=f"data-of-{one.name}",
        title=f"A crash of {one.name} loses nothing that it had acknowledged",
        claim=f"Values are written to {one.name} all the time; it dies; afterwards all must be there.",
        why=(
            "It answered OK, so somebody relies on it. A store that is back in a second and empty looks "
            "healed to every probe: only a ledger of what was written tells."
        ),
        likely="data_lost",
        because=(
            "Redis keeps an append-only file only when told to (`--appendonly yes`, on a volume). For a "
            "cache that is fine: then say so with `expect: data_lost`. For a queue or sessions it is not."
        ),
        otherwise="healed: what it acknowledged is on disk.",
        tags=("data", "crash"),
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
