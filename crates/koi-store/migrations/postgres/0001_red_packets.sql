-- Red packets on PostgreSQL.
--
-- `cell` is the first column of every key and index of the tables that carry the load (the second half of this
-- file), and every statement on them is restricted by it: so each works on the rows of its cells only, and on Citus
-- on the node that has them. Foreign keys, triggers and sequences are absent on purpose: the rules know what belongs
-- together, and a number is made where its row is decided on.
-- The tables before them hold what changes rarely; on Citus each node has a copy. Those of the catalog say with each row
-- at which of the catalog's revisions it was written last (`revised`): who knows an earlier one reads the rows after it.
-- Names compare byte by byte (`COLLATE "C"`): an index does not change its order with the system's locale.
-- Amounts are minor units, times milliseconds since 1970-01-01T00:00:00Z.

-- What the installation is: `cells`, `mode`, `wallet_currency`; the `sandbox_clock`; and the catalog's `revision`,
-- a number that grows with every change of what changes rarely.
CREATE TABLE meta (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE campaign (
    number            bigint PRIMARY KEY,
    id                text COLLATE "C" NOT NULL UNIQUE,
    revision          bigint   NOT NULL,
    -- 0 draft, 1 in review, 2 approved, 3 open, 4 paused, 5 ended, 6 closed
    state             smallint NOT NULL,
    state_scope       boolean,
    state_at          bigint,
    state_reason      text,
    submitted_by      text,
    approved_by       text,
    pool_secret       bytea    NOT NULL,
    -- what seals the stock: when the rules were stated, the chain and the round of the randomness, and what came of it
    seal_stated_at    bigint,
    seal_chain        bytea,
    seal_round        bigint,
    seal_randomness   bytea,
    seal_signature    bytea,
    title_en          text     NOT NULL,
    title_zh          text     NOT NULL,
    currency          text     NOT NULL,
    funder            text     NOT NULL,
    time_zone         text     NOT NULL,
    starts_at         bigint   NOT NULL,
    ends_at           bigint   NOT NULL,
    verified          boolean  NOT NULL,
    id_countries      text     NOT NULL,
    not_in_countries  text     NOT NULL,
    window_days       bigint   NOT NULL,
    per_window        bigint   NOT NULL,
    live              bigint   NOT NULL,
    valid_days        bigint   NOT NULL,
    -- false: exceeds, true: reaches
    threshold         boolean  NOT NULL,
    min_shopper_pays  bigint   NOT NULL,
    refund_returns    boolean  NOT NULL,
    restock_expired   boolean  NOT NULL,
    quote_valid_s     bigint   NOT NULL,
    -- names separated by spaces; NULL: all merchants take part
    merchants         text,
    terms_en          text     NOT NULL,
    terms_zh          text     NOT NULL,
    -- the revision above is the campaign's own, this one the catalog's; it is that of the tiers and pauses, too
    revised           bigint   NOT NULL
);

CREATE INDEX campaign_revised ON campaign (revised);

-- The tiers of each campaign's stock, in the order of its document.
CREATE TABLE tier (
    campaign bigint  NOT NULL,
    place    bigint  NOT NULL,
    face     bigint  NOT NULL,
    count    bigint  NOT NULL,
    split    boolean NOT NULL,
    PRIMARY KEY (campaign, place)
);

-- The pauses of scope `all`, in order.
CREATE TABLE pause (
    campaign bigint NOT NULL,
    place    bigint NOT NULL,
    "from"   bigint NOT NULL,
    "until"  bigint,
    PRIMARY KEY (campaign, place)
);

CREATE TABLE merchant (
    id       text COLLATE "C" PRIMARY KEY,
    name     text   NOT NULL,
    country  text   NOT NULL,
    currency text   NOT NULL,
    fee_bps  bigint NOT NULL,
    revised  bigint NOT NULL
);

CREATE INDEX merchant_revised ON merchant (revised);

CREATE TABLE store (
    id        text COLLATE "C" PRIMARY KEY,
    merchant  text   NOT NULL,
    name      text   NOT NULL,
    country   text   NOT NULL,
    time_zone text   NOT NULL,
    revised   bigint NOT NULL
);

CREATE INDEX store_revised ON store (revised);

CREATE TABLE code (
    code           text COLLATE "C" PRIMARY KEY,
    store          text   NOT NULL,
    medium         text   NOT NULL,
    revoked_at     bigint,
    revoked_reason text,
    revised        bigint NOT NULL
);

CREATE INDEX code_revised ON code (revised);

-- Every rate that was ever in force; the last of a pair is.
CREATE TABLE rate (
    number  bigint PRIMARY KEY,
    "from"  text   NOT NULL,
    "into"  text   NOT NULL,
    -- in steps of 10⁻⁸
    rate    bigint NOT NULL,
    since   bigint NOT NULL,
    revised bigint NOT NULL
);

CREATE INDEX rate_revised ON rate (revised, number);

-- What the public log will say of campaigns, in the order in which it became true. `body` is a leaf, `lines` the number
-- of the next line of each cell's ledger, with commas between them: what was written before stands before it in the log.
CREATE TABLE statement (
    number bigint PRIMARY KEY,
    at     bigint NOT NULL,
    body   text   NOT NULL,
    lines  text   NOT NULL
);

-- How far the public log is sequenced, step by step: after each step its first `size` leaves, which have this root, are the statements up to the
-- number `statement`, and the lines of each cell's ledger in front of those that `lines` names, with commas between them.
CREATE TABLE sequenced (
    number    bigint PRIMARY KEY,
    at        bigint  NOT NULL,
    size      bigint  NOT NULL,
    root      bytea   NOT NULL,
    statement bigint  NOT NULL,
    lines     text    NOT NULL
);

-- Answers to orders of the office, for repeats.
CREATE TABLE answered (
    key    bigint PRIMARY KEY,
    call   bytea    NOT NULL,
    status integer  NOT NULL,
    body   text     NOT NULL
);

-- Who did what, when and why.
CREATE TABLE log (
    number    bigint PRIMARY KEY,
    at        bigint NOT NULL,
    principal text   NOT NULL,
    action    text   NOT NULL,
    subject   text   NOT NULL,
    detail    text   NOT NULL
);

-- Keys of the API. The secret is shown once and stored as its SHA-256.
CREATE TABLE api_key (
    id         text COLLATE "C" PRIMARY KEY,
    hash       bytea  NOT NULL UNIQUE,
    principal  text   NOT NULL,
    role       text   NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    used_at    bigint   -- to the minute or so
);

-- The next numbers of each cell, and the latest time that was written in it (NULL: nothing was): who decides next may
-- have a clock that is behind. Its row is its lock, too: every batch takes it first. All rows are made when the
-- installation is; room is left in their pages, so that a new version of a row needs no new page.
CREATE TABLE cell (
    cell          smallint PRIMARY KEY CHECK (cell BETWEEN 0 AND 1023),
    next_quote    bigint NOT NULL,
    next_transfer bigint NOT NULL,
    latest        bigint
) WITH (fillfactor = 25);

-- A campaign's part of a cell: its next ordinal, the balances of its accounts there in the order of their numbers,
-- and the packets left of each tier.
CREATE TABLE slice (
    cell         smallint NOT NULL,
    campaign     bigint   NOT NULL,
    next_ordinal bigint   NOT NULL,
    balances     bigint[] NOT NULL,
    stock        bigint[] NOT NULL,
    PRIMARY KEY (cell, campaign)
) WITH (fillfactor = 25);

-- A number tells its cell (its bits from the 50th on): a row in another one would be found by nobody.
CREATE TABLE coupon (
    cell         smallint NOT NULL,
    -- cell, campaign, ordinal
    id           bigint   NOT NULL,
    campaign     bigint   NOT NULL,
    shopper      bigint   NOT NULL,
    person       text     NOT NULL,
    account      text     NOT NULL,
    code         text     NOT NULL,
    tier         integer  NOT NULL,
    face         bigint   NOT NULL,
    split        boolean  NOT NULL,
    remaining    bigint   NOT NULL,
    reserved     bigint   NOT NULL,
    spent        bigint   NOT NULL,
    lapsed       bigint   NOT NULL,
    -- 0 held, 1 used, 2 expired, 3 void
    phase        smallint NOT NULL,
    collected_at bigint   NOT NULL,
    expires_at   bigint   NOT NULL,
    pauses_seen  bigint   NOT NULL,
    ended_at     bigint,
    revision     bigint   NOT NULL,
    restocked    boolean  NOT NULL,
    -- the idempotency key and the fingerprint of the claim, and of the call that made it void
    asked_key    bigint   NOT NULL,
    asked_call   bytea    NOT NULL,
    void_key     bigint,
    void_call    bytea,
    PRIMARY KEY (cell, id),
    CONSTRAINT coupon_cell CHECK (id >> 50 = cell)
);

CREATE INDEX coupon_of_shopper ON coupon (cell, shopper);
-- What expires next, campaign by campaign: coupons of which something remains.
CREATE INDEX coupon_due ON coupon (cell, campaign, expires_at) WHERE phase = 0 AND remaining > 0;

CREATE TABLE quote (
    cell          smallint NOT NULL,
    -- cell, number
    id            bigint   NOT NULL,
    shopper       bigint   NOT NULL,
    person        text     NOT NULL,
    account       text     NOT NULL,
    store         text     NOT NULL,
    currency      text     NOT NULL,
    amount        bigint   NOT NULL,
    rate          bigint   NOT NULL,
    wallet        text     NOT NULL,
    gross         bigint   NOT NULL,
    deduction     bigint   NOT NULL,
    coupon        bigint,
    no_deduction  smallint,
    -- 0 open, 1 paid, 2 cancelled, 3 expired
    phase         smallint NOT NULL,
    created_at    bigint   NOT NULL,
    expires_at    bigint   NOT NULL,
    asked_key     bigint   NOT NULL,
    asked_call    bytea    NOT NULL,
    -- the call that paid or cancelled it
    settled_key   bigint,
    settled_call  bytea,
    PRIMARY KEY (cell, id),
    CONSTRAINT quote_cell CHECK (id >> 50 = cell)
);

-- A key makes one quote.
CREATE UNIQUE INDEX quote_asked ON quote (cell, asked_key);
-- The open quotes that hold a part of a coupon, and when they run out. Many may hold one coupon: the second index
-- tells which, so that those of the same are passed over without a look at their rows.
CREATE INDEX quote_holding ON quote (cell, coupon) WHERE phase = 0 AND coupon IS NOT NULL;
CREATE INDEX quote_due ON quote (cell, expires_at, coupon) WHERE phase = 0 AND coupon IS NOT NULL;

CREATE TABLE payment (
    cell             smallint NOT NULL,
    -- that of its quote
    id               bigint   NOT NULL,
    paid_at          bigint   NOT NULL,
    fee              bigint   NOT NULL,
    refunded         bigint   NOT NULL,
    refunded_shopper bigint   NOT NULL,
    refunded_funder  bigint   NOT NULL,
    refunds          bigint   NOT NULL,
    coupon_returned  boolean  NOT NULL,
    cancelled_at     bigint,
    cancel_key       bigint,
    cancel_call      bytea,
    PRIMARY KEY (cell, id),
    CONSTRAINT payment_cell CHECK (id >> 50 = cell)
);

CREATE TABLE refund (
    cell       smallint NOT NULL,
    payment    bigint   NOT NULL,
    number     bigint   NOT NULL,
    amount     bigint   NOT NULL,
    shopper    bigint   NOT NULL,
    funder     bigint   NOT NULL,
    at         bigint   NOT NULL,
    asked_key  bigint   NOT NULL,
    asked_call bytea    NOT NULL,
    PRIMARY KEY (cell, payment, number),
    CONSTRAINT refund_cell CHECK (payment >> 50 = cell)
);

-- The ledger: append-only. A line about coupons that were issued in one batch names `count` of them, with
-- consecutive numbers from `subject` on. One about packets that moved between cells names `count` of the
-- tier `part`, to which 65,536 is added where it belongs to the move of the line before. Where a coupon's packet went back
-- into the stock, `part` is 1.
CREATE TABLE transfer (
    cell     smallint NOT NULL,
    id       bigint   NOT NULL,
    campaign bigint   NOT NULL,
    debit    smallint NOT NULL,
    credit   smallint NOT NULL,
    amount   bigint   NOT NULL,
    reason   smallint NOT NULL,
    subject  bigint   NOT NULL,
    part     bigint   NOT NULL,
    coupon   bigint,
    count    bigint   NOT NULL,
    at       bigint   NOT NULL,
    PRIMARY KEY (cell, id),
    CONSTRAINT transfer_cell CHECK (id >> 50 = cell)
);
