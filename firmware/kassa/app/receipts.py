"""What stands on a receipt, as rows for the paper engine (kassa.ui.paper)."""

from typing import TYPE_CHECKING

from kassa.payment import decision as reasons
from kassa.payment import transaction as life

if TYPE_CHECKING:
    from kassa.payment.transaction import Transaction
    from kassa.system.config import TerminalConfig
    from kassa.ui.language import Catalogue

    Row = tuple

MERCHANT = "merchant"
CUSTOMER = "customer"


def _verdict(transaction: "Transaction", approved: bool) -> str:
    """The catalogue's key of what came of it."""
    if transaction.state in (life.STORED, life.SENDING):
        return "receipt.by_card" if transaction.by_card else "receipt.deferred"
    if transaction.state == life.REFUSED:
        return "receipt.refused"
    if transaction.state in (life.VOIDING, life.VOIDED):
        return "receipt.voided"
    return "receipt.approved" if approved else "receipt.declined"


def receipt(
    transaction: "Transaction", config: "TerminalConfig", words: "Catalogue", copy: str
) -> "list[Row]":
    """Rows of the merchant's or the customer's copy.

    The PAN is masked to first six and last four; the merchant's copy alone carries the card's
    proof (TVR, cryptogram), which a dispute needs and a customer does not.
    """
    t = words.t
    approved = transaction.state in life.MONEY
    rows: "list[Row]" = [("title", config.merchant.name)]
    for line in config.merchant.lines:
        rows.append(("center", line))
    rows.append(("space", 1))
    rows.append(("center", t("receipt.%s_copy" % copy)))
    rows.append(("rule",))
    moment = words.format_date(transaction.started) + " " + words.format_time(transaction.started)
    rows.append(("pair", t("receipt.date"), moment))
    rows.append(("pair", t("receipt.terminal"), config.terminal_id))
    rows.append(("pair", t("receipt.merchant"), config.merchant.id))
    rows.append(("pair", t("receipt.stan"), "%06d" % transaction.stan))
    outcome = transaction.outcome
    if transaction.masked_pan:
        rows.append(("pair", t("receipt.card"), transaction.masked_pan))
        rows.append(("pair", transaction.label.upper(), t("receipt.contactless")))
        rows.append(("pair", t("receipt.aid"), transaction.aid.hex().upper()))
    if transaction.original is not None:
        rows.append(("pair", t("receipt.original"), "%06d" % transaction.original[1]))
    rows.append(("rule",))
    voided = transaction.state in (life.VOIDING, life.VOIDED)
    rows.append(("center", t("receipt.void" if voided else "receipt." + transaction.kind)))
    rows.append(("big", words.format_amount(transaction.amount_minor, transaction.currency)))
    rows.append(("center", t(_verdict(transaction, approved))))
    if approved and transaction.by_card:
        rows.append(("center", t("receipt.by_card_text")))
    elif approved and transaction.offline_reason:
        rows.append(("center", t("receipt.deferred_text")))
        rows.append(("center", t("deferred." + transaction.offline_reason)))
    if transaction.decline_reason:
        rows.append(("center", t("declined." + transaction.decline_reason)))
    rows.append(("rule",))
    for label, value in (
        ("receipt.approval_code", transaction.approval_code),
        ("receipt.rrn", transaction.rrn),
        ("receipt.response_code", transaction.response_code),
    ):
        if value:
            rows.append(("pair", t(label), value))
    if outcome is not None and copy == MERCHANT:
        for label, tag in (("receipt.tvr", 0x95), ("receipt.cryptogram", 0x9F26)):
            value = outcome.data.get(tag)
            if value is not None:
                rows.append(("pair", t(label), value.hex().upper()))
    if transaction.by_card and copy == MERCHANT:
        rows.append(("center", offline_line(transaction, words)))
    if outcome is not None and approved:
        rows.append(("center", t("receipt.cvm_" + (outcome.cvm or "none"))))
    rows.append(("center", t("receipt.retain" if copy == MERCHANT else "receipt.thank_you")))
    rows.append(("cut",))
    return rows


def offline_line(transaction: "Transaction", words: "Catalogue") -> str:
    """Why a card's own approval was taken, in one line (R-3): the signature, the floor limit, the
    so-manieth payment of this card today, the age of the exception list."""
    t = words.t
    try:
        decision = reasons.decode(transaction.decision)
    except reasons.DecisionError as error:
        # Kept by a later firmware: the line says so, and the rest of the slip is as good as ever.
        return t("offline.line", reasons=error)
    told = [t("offline.unverified")]
    if decision.method:
        told[0] = t("offline.verified", method=decision.shown_method)
    if decision.floor_minor is not None:
        floor = words.format_number(decision.floor_minor, transaction.currency)
        told.append(t("offline.floor", amount=floor))
    if decision.today is not None and decision.per_day is not None:
        told.append(t("offline.day", count=decision.today, most=decision.per_day))
    if decision.list_age_days is not None:
        told.append(t("offline.list", days=decision.list_age_days))
    return t("offline.line", reasons=", ".join(told))


def settlement(
    batch: int,
    sums: "list[tuple[str, str]]",
    balanced: bool,
    host_net: "str | None",
    config: "TerminalConfig",
    words: "Catalogue",
    moment: "tuple[int, ...]",
) -> "list[Row]":
    """Rows of the slip that ends a batch: the terminal's `sums`, and the host's net where it
    differs."""
    t = words.t
    rows: "list[Row]" = [("title", config.merchant.name), ("space", 1)]
    rows.append(("center", t("receipt.settlement")))
    rows.append(("rule",))
    rows.append(
        ("pair", t("receipt.date"), words.format_date(moment) + " " + words.format_time(moment))
    )
    rows.append(("pair", t("receipt.terminal"), config.terminal_id))
    rows.append(("pair", t("receipt.merchant"), config.merchant.id))
    rows.append(("pair", t("receipt.batch"), "%06d" % batch))
    rows.append(("rule",))
    for label, value in sums:
        rows.append(("pair", label, value))
    rows.append(("rule",))
    rows.append(("center", t("receipt.agree" if balanced else "receipt.differ")))
    if host_net is not None:
        rows.append(("pair", t("receipt.host_total"), host_net))
    rows.append(("cut",))
    return rows
