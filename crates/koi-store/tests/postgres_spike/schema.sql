-- The tables of a claim, as PostgreSQL would have them: `cell` is the first column of every key, so that each
-- statement touches one cell, and on Citus one node. Nothing is numbered by a sequence.
CREATE TABLE cell (
    cell          smallint PRIMARY KEY,
    next_quote    bigint NOT NULL,
    next_transfer bigint NOT NULL
);

CREATE TABLE slice (
    cell         smallint NOT NULL,
    campaign     integer  NOT NULL,
    next_ordinal bigint   NOT NULL,
    -- in the order of the accounts' numbers
    balances     bigint[] NOT NULL,
    -- packets left, tier by tier
    stock        bigint[] NOT NULL,
    PRIMARY KEY (cell, campaign)
);

CREATE TABLE coupon (
    cell         smallint NOT NULL,
    id           bigint   NOT NULL,
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
    phase        smallint NOT NULL,
    collected_at bigint   NOT NULL,
    expires_at   bigint   NOT NULL,
    pauses_seen  bigint   NOT NULL,
    ended_at     bigint,
    revision     bigint   NOT NULL,
    restocked    boolean  NOT NULL,
    asked_key    bigint   NOT NULL,
    asked_call   bytea    NOT NULL,
    PRIMARY KEY (cell, id)
);
CREATE INDEX coupon_of_shopper ON coupon (cell, shopper);

CREATE TABLE quote (
    cell      smallint NOT NULL,
    id        bigint   NOT NULL,
    asked_key bigint   NOT NULL,
    PRIMARY KEY (cell, id)
);
CREATE INDEX quote_asked ON quote (cell, asked_key);

CREATE TABLE transfer (
    cell     smallint NOT NULL,
    id       bigint   NOT NULL,
    campaign integer  NOT NULL,
    debit    smallint NOT NULL,
    credit   smallint NOT NULL,
    amount   bigint   NOT NULL,
    reason   smallint NOT NULL,
    subject  bigint   NOT NULL,
    part     bigint   NOT NULL,
    coupon   bigint,
    count    bigint   NOT NULL,
    at       bigint   NOT NULL,
    PRIMARY KEY (cell, id)
);
