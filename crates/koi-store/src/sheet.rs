//! The tables of an installation in the form that is the same on every store: what a copy moves, and a digest reads.
//!
//! A sheet has the columns that tell something of their own. What follows from them is left out: the cell and the campaign
//! of a number, which are in the number; the indexes of a data folder that are tables there; and what servers keep for
//! themselves (the catalog's revision, and the one at which each row of it was written; the latest time of a cell).

use std::borrow::Cow;

use crate::error::{StoreError, damaged};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number, a time or a state.
    Number,
    /// A number that is small enough for two bytes.
    Small,
    /// A number that is small enough for four bytes.
    Middle,
    /// 0 or 1.
    Flag,
    /// Minor units.
    Amount,
    /// Several amounts.
    Amounts,
    /// Several numbers.
    Numbers,
    Text,
    Bytes,
}

/// A column of a sheet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// A table. Its rows are in the order of its keys: numbers by their size, texts by their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sheet {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// How many of the first columns find a row.
    pub(crate) keys: usize,
}

impl Sheet {
    /// The columns that find a row.
    pub(crate) fn keys(&self) -> &'static [Column] {
        self.columns.get(..self.keys).unwrap_or_default()
    }
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Nothing,
    Number(i64),
    Numbers(Vec<i64>),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
}

/// Numbers with commas between them.
pub(crate) fn joined(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// Numbers that [`joined`] wrote.
pub(crate) fn split(numbers: &str) -> Result<Vec<i64>, StoreError> {
    let numbers = numbers.split(',').filter(|number| !number.is_empty()).map(str::parse);
    numbers.collect::<Result<_, _>>().map_err(|_| damaged("a list of numbers"))
}

const fn number(name: &'static str) -> Column {
    Column { name, kind: Kind::Number }
}

const fn small(name: &'static str) -> Column {
    Column { name, kind: Kind::Small }
}

const fn middle(name: &'static str) -> Column {
    Column { name, kind: Kind::Middle }
}

const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag }
}

const fn amount(name: &'static str) -> Column {
    Column { name, kind: Kind::Amount }
}

const fn amounts(name: &'static str) -> Column {
    Column { name, kind: Kind::Amounts }
}

const fn numbers(name: &'static str) -> Column {
    Column { name, kind: Kind::Numbers }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: Kind::Bytes }
}

/// Every table, in the order in which they are copied and digested. A new one comes at the end: the digest of the others
/// stays as it was.
pub(crate) static SHEETS: [Sheet; 20] = [
    // `cells`, `mode`, `wallet_currency`, `sandbox_clock`, `log_origin` and `log_secret`.
    Sheet { name: "meta", keys: 1, columns: &[text("name"), text("value")] },
    // Cells that nothing was written to are left out.
    Sheet { name: "cell", keys: 1, columns: &[small("cell"), number("next_quote"), number("next_transfer")] },
    Sheet { name: "campaign", keys: 1, columns: &CAMPAIGN },
    Sheet {
        name: "tier",
        keys: 2,
        columns: &[number("campaign"), number("place"), amount("face"), number("count"), flag("split")],
    },
    Sheet {
        name: "pause",
        keys: 2,
        columns: &[number("campaign"), number("place"), number("from"), number("until")],
    },
    Sheet {
        name: "merchant",
        keys: 1,
        columns: &[text("id"), text("name"), text("country"), text("currency"), number("fee_bps")],
    },
    Sheet {
        name: "store",
        keys: 1,
        columns: &[text("id"), text("merchant"), text("name"), text("country"), text("time_zone")],
    },
    Sheet {
        name: "code",
        keys: 1,
        columns: &[text("code"), text("store"), text("medium"), number("revoked_at"), text("revoked_reason")],
    },
    Sheet {
        name: "rate",
        keys: 1,
        columns: &[number("number"), text("from"), text("into"), number("rate"), number("since")],
    },
    Sheet { name: "answered", keys: 1, columns: &[number("key"), bytes("call"), middle("status"), text("body")] },
    Sheet {
        name: "log",
        keys: 1,
        columns: &[
            number("number"),
            number("at"),
            text("principal"),
            text("action"),
            text("subject"),
            text("detail"),
        ],
    },
    Sheet { name: "api_key", keys: 1, columns: &API_KEY },
    // The balances are in the order of the accounts' numbers, the stock in that of the tiers.
    Sheet {
        name: "slice",
        keys: 2,
        columns: &[
            small("cell"),
            number("campaign"),
            number("next_ordinal"),
            amounts("balances"),
            numbers("stock"),
        ],
    },
    Sheet { name: "coupon", keys: 1, columns: &COUPON },
    Sheet { name: "quote", keys: 1, columns: &QUOTE },
    Sheet { name: "payment", keys: 1, columns: &PAYMENT },
    Sheet { name: "refund", keys: 2, columns: &REFUND },
    Sheet {
        name: "transfer",
        keys: 1,
        columns: &[
            number("id"),
            number("campaign"),
            small("debit"),
            small("credit"),
            amount("amount"),
            small("reason"),
            number("subject"),
            number("part"),
            number("coupon"),
            number("count"),
            number("at"),
        ],
    },
    Sheet { name: "statement", keys: 1, columns: &[number("number"), number("at"), text("body"), text("lines")] },
    Sheet {
        name: "sequenced",
        keys: 1,
        columns: &[
            number("number"),
            number("at"),
            number("size"),
            bytes("root"),
            number("statement"),
            text("lines"),
        ],
    },
];

static CAMPAIGN: [Column; 37] = [
    number("number"),
    text("id"),
    number("revision"),
    small("state"),
    flag("state_scope"),
    number("state_at"),
    text("state_reason"),
    text("submitted_by"),
    text("approved_by"),
    bytes("pool_secret"),
    number("seal_stated_at"),
    bytes("seal_chain"),
    number("seal_round"),
    bytes("seal_randomness"),
    bytes("seal_signature"),
    text("title_en"),
    text("title_zh"),
    text("currency"),
    text("funder"),
    text("time_zone"),
    number("starts_at"),
    number("ends_at"),
    flag("verified"),
    text("id_countries"),
    text("not_in_countries"),
    number("window_days"),
    number("per_window"),
    number("live"),
    number("valid_days"),
    flag("threshold"),
    amount("min_shopper_pays"),
    flag("refund_returns"),
    flag("restock_expired"),
    number("quote_valid_s"),
    text("merchants"),
    text("terms_en"),
    text("terms_zh"),
];

static API_KEY: [Column; 8] = [
    text("id"),
    bytes("hash"),
    text("principal"),
    text("role"),
    number("created_at"),
    number("expires_at"),
    number("revoked_at"),
    number("used_at"),
];

static COUPON: [Column; 23] = [
    number("id"),
    number("shopper"),
    text("person"),
    text("account"),
    text("code"),
    middle("tier"),
    amount("face"),
    flag("split"),
    amount("remaining"),
    amount("reserved"),
    amount("spent"),
    amount("lapsed"),
    small("phase"),
    number("collected_at"),
    number("expires_at"),
    number("pauses_seen"),
    number("ended_at"),
    number("revision"),
    flag("restocked"),
    number("asked_key"),
    bytes("asked_call"),
    number("void_key"),
    bytes("void_call"),
];

static QUOTE: [Column; 20] = [
    number("id"),
    number("shopper"),
    text("person"),
    text("account"),
    text("store"),
    text("currency"),
    amount("amount"),
    number("rate"),
    text("wallet"),
    amount("gross"),
    amount("deduction"),
    number("coupon"),
    small("no_deduction"),
    small("phase"),
    number("created_at"),
    number("expires_at"),
    number("asked_key"),
    bytes("asked_call"),
    number("settled_key"),
    bytes("settled_call"),
];

static PAYMENT: [Column; 11] = [
    number("id"),
    number("paid_at"),
    amount("fee"),
    amount("refunded"),
    amount("refunded_shopper"),
    amount("refunded_funder"),
    number("refunds"),
    flag("coupon_returned"),
    number("cancelled_at"),
    number("cancel_key"),
    bytes("cancel_call"),
];

static REFUND: [Column; 8] = [
    number("payment"),
    number("number"),
    amount("amount"),
    amount("shopper"),
    amount("funder"),
    number("at"),
    number("asked_key"),
    bytes("asked_call"),
];
