"""Whether a sale may be taken without asking the bank.  Pure.

A deferred authorisation is the merchant's risk, so the merchant's limits decide, and whatever
would make the risk larger than was agreed: a clock that is not set (an advice without a date), a
journal that is full or that is not the one this terminal wrote, stored sales that have become too
old.
"""

from typing import TYPE_CHECKING

from kassa.system import config as settings

if TYPE_CHECKING:
    from kassa.payment.book import Book
    from kassa.system.clock import Clock, Moment
    from kassa.system.config import Offline

_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def hours(moment: "Moment") -> int:
    """Hours since the beginning of the year 2000."""
    year, month, day = moment[0] - 2000, moment[1], moment[2]
    leap_days = (year + 3) // 4
    if month > 2 and year % 4 == 0:
        leap_days += 1
    return 24 * (365 * year + leap_days + _DAYS_BEFORE[month - 1] + day - 1) + moment[3]


def days(moment: "Moment") -> int:
    """Days since the beginning of the year 2000."""
    return hours(moment) // 24


def oldest_is_too_old(offline: "Offline", book: "Book", now: "Moment") -> bool:
    """Whether a stored sale has waited longer than `max_age_h`: an alarm, never a reason to drop
    it."""
    return bool(book.stored) and hours(now) - hours(book.stored[0].started) > offline.max_age_h


def refusal(
    offline: "Offline", book: "Book", clock: "Clock", amount_minor: int, mode: str = ""
) -> str:
    """Why this amount cannot be taken offline, as the catalogue's key after `declined.`; "" when
    it can.

    `mode` replaces the configured one.
    """
    if (mode or offline.mode) == settings.ONLINE_ONLY:
        return "not_connected"
    if book.trouble:
        return book.trouble
    if not clock.is_set:
        return "clock_not_set"
    if amount_minor > offline.per_sale:
        return "offline_per_sale"
    if len(book.stored) >= offline.count:
        return "offline_count"
    if book.stored_minor + amount_minor > offline.total:
        return "offline_total"
    if oldest_is_too_old(offline, book, clock.local()):
        return "offline_age"
    return ""
