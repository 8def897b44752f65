"""Why attempts failed, as far as that follows from their own lines and from what look-ups there were near.

The rules of `diagnose` are asked for every way in which the look-up of an attempt may have ended, and for
everything that its neighbours may have met. Where all of these give one cause, it is the cause, and nobody
need find out which look-up was whose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product
from typing import Final, NamedTuple

from cyrtui.logins.diagnose import Case, Verdict, diagnose, outcome_of
from cyrtui.logins.events import BadLogin, Login
from cyrtui.logins.lookups import Fate
from cyrtui.logins.needs import Ending, Need, need_of
from cyrtui.logins.sessions import Draft
from cyrtui.logins.trace import TraceEvent

_PROXY: Final = "a proxy"
_NOTHING: Final = Verdict(welcome=False, granted=frozenset(), denied=(), wrong=0, broken=0, known=frozenset())
_BOTH: Final = (False, True)


class Around(NamedTuple):
    """What is known of the time around an attempt.

    `fates` are how look-ups near it ended; `welcome`: somebody logged in within ten minutes; `worked`: the
    proxy has been let act for somebody by then; `known`: an entry of the user's may have been read.
    """

    fates: frozenset[Fate]
    welcome: bool
    worked: bool
    known: bool


def possible_causes(draft: Draft, auth: tuple[TraceEvent, ...], around: Around) -> set[str | None]:
    """All causes that the attempt may have had. `auth` are its lines of auth.log."""
    need = need_of(draft, auth)
    found: set[str | None] = set()
    for fate, verdict, worked, known in _stories(need, around):
        case = Case(
            draft,
            outcome_of(draft),
            _ending(draft, need),
            fate,
            None,
            None,
            "",
            None,
            verdict,
            auth,
            None,
            entry_known=known,
            proxy=_PROXY if fate is not None else "",
            proxy_worked=worked,
        )
        found.add(diagnose(case).cause)
    return found


def _ending(draft: Draft, need: Need | None) -> Ending | None:
    if need is not None:
        return need.ending
    if isinstance(draft.attempt, Login):
        return Ending.WELCOME
    return Ending.OTHER if isinstance(draft.attempt, BadLogin) else None


def _stories(need: Need | None, around: Around) -> Iterator[tuple[Fate | None, Verdict, bool, bool]]:
    """What may have been: how the look-up ended, what others met, whether the proxy had worked, and whether
    the user is known.
    """
    fates: Collection[Fate] = () if need is None else around.fates & need.fates
    welcomes = (True,) if around.welcome else _BOTH
    for fate in (None, *fates):
        if fate is Fate.DENIED:
            for granted, several, worked, known in product(
                _BOTH, _BOTH, (True,) if around.worked else _BOTH, _BOTH if around.known else (False,)
            ):
                proxies = frozenset({_PROXY}) if granted else frozenset()
                denied = ((_PROXY, 3 if several else 1),)
                yield fate, _NOTHING._replace(granted=proxies, denied=denied), worked, known
        else:
            for welcome, several in product(welcomes, _BOTH):
                number = 3 if several else 0
                yield fate, _NOTHING._replace(welcome=welcome, wrong=number, broken=number), True, False
