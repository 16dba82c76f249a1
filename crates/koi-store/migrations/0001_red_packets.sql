-- Red packets on one SQLite file.
--
-- Where a row lives is part of its number: the first ten bits of a coupon's, a quote's and a transfer's id are its
-- cell (on other stores the cell is a column of its own, and the first of every key). Rows of the hot tables are
-- added at the end. Written in random places is the index of the coupons that open quotes hold, which is small; which
-- coupons a shopper has, and which quote a key asked for, is written in sorted runs.
-- Amounts are minor units, times milliseconds since 1970-01-01T00:00:00Z.

-- What the installation is: whether it is a sandbox, and the sandbox's clock.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The next numbers of each cell.
CREATE TABLE cell (
    cell          INTEGER PRIMARY KEY,
    next_quote    INTEGER NOT NULL,
    next_transfer INTEGER NOT NULL
) STRICT;

CREATE TABLE campaign (
    number            INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    revision          INTEGER NOT NULL,
    -- 0 draft, 1 in review, 2 approved, 3 open, 4 paused, 5 ended, 6 closed
    state             INTEGER NOT NULL,
    state_scope       INTEGER,
    state_at          INTEGER,
    state_reason      TEXT,
    submitted_by      TEXT,
    approved_by       TEXT,
    pool_secret       BLOB    NOT NULL,
    -- what seals the stock: when the rules were stated, the chain and the round of the randomness, and what came of it
    seal_stated_at    INTEGER,
    seal_chain        BLOB,
    seal_round        INTEGER,
    seal_randomness   BLOB,
    seal_signature    BLOB,
    title_en          TEXT    NOT NULL,
    title_zh          TEXT    NOT NULL,
    currency          TEXT    NOT NULL,
    funder            TEXT    NOT NULL,
    time_zone         TEXT    NOT NULL,
    starts_at         INTEGER NOT NULL,
    ends_at           INTEGER NOT NULL,
    verified          INTEGER NOT NULL,
    id_countries      TEXT    NOT NULL,
    not_in_countries  TEXT    NOT NULL,
    window_days       INTEGER NOT NULL,
    per_window        INTEGER NOT NULL,
    live              INTEGER NOT NULL,
    valid_days        INTEGER NOT NULL,
    -- 0 exceeds, 1 reaches
    threshold         INTEGER NOT NULL,
    min_shopper_pays  INTEGER NOT NULL,
    refund_returns    INTEGER NOT NULL,
    restock_expired   INTEGER NOT NULL,
    quote_valid_s     INTEGER NOT NULL,
    -- names separated by spaces; NULL: all merchants take part
    merchants         TEXT,
    terms_en          TEXT    NOT NULL,
    terms_zh          TEXT    NOT NULL
) STRICT;

-- The tiers of each campaign's stock, in the order of its document.
CREATE TABLE tier (
    campaign INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    face     INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    split    INTEGER NOT NULL,
    PRIMARY KEY (campaign, place)
) STRICT, WITHOUT ROWID;

-- The pauses of scope `all`, in order.
CREATE TABLE pause (
    campaign INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    "from"   INTEGER NOT NULL,
    "until"  INTEGER,
    PRIMARY KEY (campaign, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant (
    id       TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL,
    country  TEXT    NOT NULL,
    currency TEXT    NOT NULL,
    fee_bps  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE store (
    id        TEXT PRIMARY KEY,
    merchant  TEXT NOT NULL,
    name      TEXT NOT NULL,
    country   TEXT NOT NULL,
    time_zone TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE code (
    code           TEXT PRIMARY KEY,
    store          TEXT NOT NULL,
    medium         TEXT NOT NULL,
    revoked_at     INTEGER,
    revoked_reason TEXT
) STRICT, WITHOUT ROWID;

-- Every rate that was ever in force; the last of a pair is.
CREATE TABLE rate (
    number INTEGER PRIMARY KEY,
    "from" TEXT    NOT NULL,
    "into" TEXT    NOT NULL,
    -- in steps of 10⁻⁸
    rate   INTEGER NOT NULL,
    since  INTEGER NOT NULL
) STRICT;

-- A campaign's part of a cell: its next ordinal and the balances of its accounts there.
CREATE TABLE slice (
    cell         INTEGER NOT NULL,
    campaign     INTEGER NOT NULL,
    next_ordinal INTEGER NOT NULL,
    funder       INTEGER NOT NULL,
    free         INTEGER NOT NULL,
    committed    INTEGER NOT NULL,
    reserved     INTEGER NOT NULL,
    spent        INTEGER NOT NULL,
    returned     INTEGER NOT NULL,
    recovered    INTEGER NOT NULL,
    refunds      INTEGER NOT NULL,
    moved        INTEGER NOT NULL,
    PRIMARY KEY (cell, campaign)
) STRICT, WITHOUT ROWID;

-- Packets left in a cell, tier by tier.
CREATE TABLE stock (
    cell     INTEGER NOT NULL,
    campaign INTEGER NOT NULL,
    tier     INTEGER NOT NULL,
    packets  INTEGER NOT NULL,
    PRIMARY KEY (cell, campaign, tier)
) STRICT, WITHOUT ROWID;

CREATE TABLE coupon (
    -- cell, campaign, ordinal
    id           INTEGER PRIMARY KEY,
    shopper      INTEGER NOT NULL,
    person       TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    tier         INTEGER NOT NULL,
    face         INTEGER NOT NULL,
    split        INTEGER NOT NULL,
    remaining    INTEGER NOT NULL,
    reserved     INTEGER NOT NULL,
    spent        INTEGER NOT NULL,
    lapsed       INTEGER NOT NULL,
    -- 0 held, 1 used, 2 expired, 3 void
    phase        INTEGER NOT NULL,
    collected_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    pauses_seen  INTEGER NOT NULL,
    ended_at     INTEGER,
    revision     INTEGER NOT NULL,
    restocked    INTEGER NOT NULL,
    -- the idempotency key and the fingerprint of the claim, and of the call that made it void
    asked_key    INTEGER NOT NULL,
    asked_call   BLOB    NOT NULL,
    void_key     INTEGER,
    void_call    BLOB
) STRICT;

-- What expires next, campaign by campaign: coupons of which something remains.
CREATE INDEX coupon_due ON coupon ((id >> 32), expires_at) WHERE phase = 0 AND remaining > 0;

CREATE TABLE quote (
    -- cell, number
    id            INTEGER PRIMARY KEY,
    shopper       INTEGER NOT NULL,
    person        TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    store         TEXT    NOT NULL,
    currency      TEXT    NOT NULL,
    amount        INTEGER NOT NULL,
    rate          INTEGER NOT NULL,
    wallet        TEXT    NOT NULL,
    gross         INTEGER NOT NULL,
    deduction     INTEGER NOT NULL,
    coupon        INTEGER,
    no_deduction  INTEGER,
    -- 0 open, 1 paid, 2 cancelled, 3 expired
    phase         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    asked_key     INTEGER NOT NULL,
    asked_call    BLOB    NOT NULL,
    -- the call that paid or cancelled it
    settled_key   INTEGER,
    settled_call  BLOB
) STRICT;

-- The open quotes that hold a part of a coupon, and when they run out. Many may hold one coupon: the second index
-- tells which, so that those of the same are passed over without a look at their rows.
CREATE INDEX quote_holding ON quote (coupon) WHERE phase = 0 AND coupon IS NOT NULL;
CREATE INDEX quote_due ON quote (expires_at, coupon) WHERE phase = 0 AND coupon IS NOT NULL;

-- Which coupons a shopper has, and which quote was asked for under a key. Shoppers and keys come in no order, so these
-- are no indexes that are written with each row: they are written in sorted runs, some time later (see `sqlite/sorted`).
CREATE TABLE coupon_of_shopper (
    shopper INTEGER NOT NULL,
    coupon  INTEGER NOT NULL,
    PRIMARY KEY (shopper, coupon)
) STRICT, WITHOUT ROWID;

CREATE TABLE quote_of_key (
    key   INTEGER NOT NULL,
    quote INTEGER NOT NULL,
    PRIMARY KEY (key, quote)
) STRICT, WITHOUT ROWID;

-- Up to which row, without it, the rows of a part are all in there. A part is the upper half of numbers: coupons of one
-- cell and campaign, quotes of one cell.
CREATE TABLE sorted (
    -- 1 the coupons of shoppers, 2 the quotes of keys
    what  INTEGER NOT NULL,
    part  INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (what, part)
) STRICT, WITHOUT ROWID;

-- The run that is being written to it, if one is: the rows from `sorted` up to these, without them, ...
CREATE TABLE run (
    what  INTEGER NOT NULL,
    part  INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (what, part)
) STRICT, WITHOUT ROWID;

-- ... and the last entry of it that is written. A server that starts goes on after it.
CREATE TABLE run_last (
    what   INTEGER PRIMARY KEY,
    key    INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT;

CREATE TABLE payment (
    -- that of its quote
    id               INTEGER PRIMARY KEY,
    paid_at          INTEGER NOT NULL,
    fee              INTEGER NOT NULL,
    refunded         INTEGER NOT NULL,
    refunded_shopper INTEGER NOT NULL,
    refunded_funder  INTEGER NOT NULL,
    refunds          INTEGER NOT NULL,
    coupon_returned  INTEGER NOT NULL,
    cancelled_at     INTEGER,
    cancel_key       INTEGER,
    cancel_call      BLOB
) STRICT;

CREATE TABLE refund (
    payment    INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    shopper    INTEGER NOT NULL,
    funder     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    asked_key  INTEGER NOT NULL,
    asked_call BLOB    NOT NULL,
    PRIMARY KEY (payment, number)
) STRICT, WITHOUT ROWID;

-- The ledger: append-only. A line about coupons that were issued in one batch names `count` of them, with
-- consecutive numbers from `subject` on. One about packets that moved between cells names `count` of the
-- tier `part`, to which 65,536 is added where it belongs to the move of the line before. Where a coupon's packet went back
-- into the stock, `part` is 1.
CREATE TABLE transfer (
    id       INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL,
    debit    INTEGER NOT NULL,
    credit   INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    subject  INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    coupon   INTEGER,
    count    INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- What the public log will say of campaigns, in the order in which it became true. `body` is a leaf, `lines` the number
-- of the next line of each cell's ledger, with commas between them: what was written before stands before it in the log.
CREATE TABLE statement (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    body   TEXT    NOT NULL,
    lines  TEXT    NOT NULL
) STRICT;

-- How far the public log is sequenced, step by step: after each step its first `size` leaves, which have this root, are the statements up to the
-- number `statement`, and the lines of each cell's ledger in front of those that `lines` names, with commas between them.
CREATE TABLE sequenced (
    number    INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    root      BLOB    NOT NULL,
    statement INTEGER NOT NULL,
    lines     TEXT    NOT NULL
) STRICT;

-- Answers to orders of the office, for repeats.
CREATE TABLE answered (
    key    INTEGER PRIMARY KEY,
    call   BLOB    NOT NULL,
    status INTEGER NOT NULL,
    body   TEXT    NOT NULL
) STRICT;

-- Who did what, when and why.
CREATE TABLE log (
    number    INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    principal TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    detail    TEXT    NOT NULL
) STRICT;

-- Keys of the API. The secret is shown once and stored as its SHA-256.
CREATE TABLE api_key (
    id         TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    principal  TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    used_at    INTEGER   -- to the minute or so
) STRICT, WITHOUT ROWID;
