-- One claim as one transaction of PostgreSQL, by a function: what bar 3 compares Koi with.
--
-- It does the work of one claim in Koi's terms, as cheaply as a function can: code, campaign, repeat of an idempotency
-- key, live coupons, limit, stock; and only then does it write. It keeps no ledger and no expiry, both of which Koi
-- has. One person's claims follow each other by the lock of the person's row; all claims meet at the row of the
-- campaign, which is locked as late as it can be.

CREATE TABLE campaign (
    id text PRIMARY KEY,
    starts_at_ms bigint NOT NULL,
    ends_at_ms bigint NOT NULL,
    window_ms bigint NOT NULL,
    per_window bigint NOT NULL,
    live bigint NOT NULL,
    valid_ms bigint NOT NULL,
    -- Of each tier: what a packet is worth, and how many are left.
    faces bigint[] NOT NULL,
    counts bigint[] NOT NULL,
    free bigint NOT NULL,
    committed bigint NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE code (code text PRIMARY KEY, store text NOT NULL);

CREATE TABLE person (
    campaign text NOT NULL,
    person text NOT NULL,
    live bigint NOT NULL,
    live_until_ms bigint NOT NULL,
    in_window bigint NOT NULL,
    received bigint NOT NULL,
    PRIMARY KEY (campaign, person)
);

CREATE TABLE coupon (
    id text PRIMARY KEY,
    account text NOT NULL,
    person text NOT NULL,
    code text NOT NULL,
    store text NOT NULL,
    face bigint NOT NULL,
    collected_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL
);

CREATE TABLE answered (
    person text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    coupon text NOT NULL,
    PRIMARY KEY (person, key)
);

-- Answers ('created', coupon), ('replayed', coupon) or ('refused', code); luck is in [0, 2^53).
CREATE FUNCTION claim(
    of_campaign text, of_code text, of_account text, of_person text, of_key text, of_fingerprint text, of_coupon text,
    now_ms bigint, luck bigint, OUT word text, OUT rest text
) LANGUAGE plpgsql AS $$
DECLARE
    known answered%ROWTYPE;
    the campaign%ROWTYPE;
    shopper person%ROWTYPE;
    at_store text;
    this_window bigint;
    packet bigint;
    tier integer := 1;
    until_ms bigint;
BEGIN
    word := 'refused';
    SELECT code.store INTO at_store FROM code WHERE code.code = of_code;
    IF NOT FOUND THEN rest := 'unknown_code'; RETURN; END IF;
    SELECT * INTO the FROM campaign WHERE campaign.id = of_campaign;
    IF NOT FOUND THEN rest := 'unknown_campaign'; RETURN; END IF;
    IF now_ms < the.starts_at_ms THEN rest := 'campaign_not_started'; RETURN; END IF;
    IF now_ms >= the.ends_at_ms THEN rest := 'campaign_ended'; RETURN; END IF;

    SELECT * INTO shopper FROM person WHERE person.campaign = of_campaign AND person.person = of_person FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO person VALUES (of_campaign, of_person, 0, 0, -1, 0) ON CONFLICT DO NOTHING;
        SELECT * INTO shopper FROM person WHERE person.campaign = of_campaign AND person.person = of_person FOR UPDATE;
    END IF;
    -- The scope of a key is the person, whose claims have been made to wait.
    SELECT * INTO known FROM answered WHERE answered.person = of_person AND answered.key = of_key;
    IF FOUND THEN
        IF known.fingerprint <> of_fingerprint THEN rest := 'idempotency_key_reused'; RETURN; END IF;
        word := 'replayed'; rest := known.coupon; RETURN;
    END IF;

    -- Once the last of them has expired, none is live.
    IF now_ms >= shopper.live_until_ms THEN shopper.live := 0; END IF;
    IF shopper.live >= the.live THEN rest := 'coupon_already_held'; RETURN; END IF;
    this_window := (now_ms - the.starts_at_ms) / the.window_ms;
    IF shopper.in_window <> this_window THEN shopper.received := 0; END IF;
    IF shopper.received >= the.per_window THEN rest := 'limit_reached'; RETURN; END IF;

    SELECT * INTO the FROM campaign WHERE campaign.id = of_campaign FOR UPDATE;
    SELECT sum(count) INTO packet FROM unnest(the.counts) AS count;
    IF packet = 0 THEN rest := 'sold_out'; RETURN; END IF;
    -- Every packet left is equally likely: the luck points at one of them, tier by tier.
    packet := trunc(luck::numeric * packet / 9007199254740992);
    WHILE packet >= the.counts[tier] LOOP
        packet := packet - the.counts[tier];
        tier := tier + 1;
    END LOOP;
    until_ms := now_ms + the.valid_ms;

    the.counts[tier] := the.counts[tier] - 1;
    UPDATE campaign SET counts = the.counts, free = campaign.free - the.faces[tier],
        committed = campaign.committed + the.faces[tier] WHERE campaign.id = of_campaign;
    UPDATE person SET live = shopper.live + 1, live_until_ms = until_ms, in_window = this_window,
        received = shopper.received + 1 WHERE person.campaign = of_campaign AND person.person = of_person;
    INSERT INTO coupon VALUES (of_coupon, of_account, of_person, of_code, at_store, the.faces[tier], now_ms, until_ms);
    word := 'created';
    rest := concat_ws('|', of_coupon, of_account, of_person, of_code, at_store, the.faces[tier], now_ms, until_ms);
    INSERT INTO answered VALUES (of_person, of_key, of_fingerprint, rest);
END
$$;
