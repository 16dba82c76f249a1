-- One claim, as Redis would do it: what bar 2 compares Koi with.
--
-- It does the work of one claim in Koi's terms, in the cheapest way that Redis offers, and in Koi's
-- order: repeat of an idempotency key, code, campaign, live coupons, limit, stock; and only then does
-- it write. It keeps no ledger, no expiry and no list of a person's coupons, all of which Koi has.
--
-- KEYS  1 idempotency record   string  fingerprint|coupon
--       2 person               hash    live, live_until_ms, window, received
--       3 campaign             hash    starts_at_ms, ends_at_ms, window_ms, per_window, live, valid_ms,
--                                      left, free, committed
--       4 packets left by tier list    counts
--       5 faces by tier        list    minor units
--       6 codes                hash    code -> store
--       7 coupon               string  id|account|person|code|store|face|collected_ms|expires_ms
-- ARGV  1 fingerprint of the request   2 code   3 account   4 person   5 id of the coupon to issue
--       6 now_ms   7 luck: an integer in [0, 2^53)
--
-- Answers {'created', coupon}, {'replayed', coupon} or {'refused', code}.

local record = redis.call('GET', KEYS[1])
if record then
  local bar = string.find(record, '|', 1, true)
  if string.sub(record, 1, bar - 1) ~= ARGV[1] then
    return {'refused', 'idempotency_key_reused'}
  end
  return {'replayed', string.sub(record, bar + 1)}
end

local store = redis.call('HGET', KEYS[6], ARGV[2])
if not store then
  return {'refused', 'unknown_code'}
end

local campaign = redis.call('HMGET', KEYS[3],
  'starts_at_ms', 'ends_at_ms', 'window_ms', 'per_window', 'live', 'valid_ms', 'left')
if not campaign[1] then
  return {'refused', 'unknown_campaign'}
end
local now = tonumber(ARGV[6])
local starts_at = tonumber(campaign[1])
if now < starts_at then
  return {'refused', 'campaign_not_started'}
end
if now >= tonumber(campaign[2]) then
  return {'refused', 'campaign_ended'}
end

local person = redis.call('HMGET', KEYS[2], 'live', 'live_until_ms', 'window', 'received')
local live = tonumber(person[1]) or 0
-- Once the last of them has expired, none is live.
if now >= (tonumber(person[2]) or 0) then
  live = 0
end
if live >= tonumber(campaign[5]) then
  return {'refused', 'coupon_already_held'}
end
local window = math.floor((now - starts_at) / tonumber(campaign[3]))
local received = 0
if tonumber(person[3]) == window then
  received = tonumber(person[4])
end
if received >= tonumber(campaign[4]) then
  return {'refused', 'limit_reached'}
end

local left = tonumber(campaign[7])
if left <= 0 then
  return {'refused', 'sold_out'}
end
-- Every packet left is equally likely: the luck points at one of them, tier by tier.
local packet = math.floor(tonumber(ARGV[7]) / 9007199254740992 * left)
local counts = redis.call('LRANGE', KEYS[4], 0, -1)
local tier = 1
while packet >= tonumber(counts[tier]) do
  packet = packet - tonumber(counts[tier])
  tier = tier + 1
end
local face = redis.call('LINDEX', KEYS[5], tier - 1)

local expires_at = string.format('%d', now + tonumber(campaign[6]))
local coupon = ARGV[5] .. '|' .. ARGV[3] .. '|' .. ARGV[4] .. '|' .. ARGV[2] .. '|' .. store .. '|' .. face
  .. '|' .. ARGV[6] .. '|' .. expires_at

redis.call('LSET', KEYS[4], tier - 1, string.format('%d', tonumber(counts[tier]) - 1))
redis.call('HINCRBY', KEYS[3], 'left', -1)
redis.call('HINCRBY', KEYS[3], 'free', '-' .. face)
redis.call('HINCRBY', KEYS[3], 'committed', face)
redis.call('HSET', KEYS[2], 'live', live + 1, 'live_until_ms', expires_at, 'window', window,
  'received', received + 1)
redis.call('SET', KEYS[7], coupon)
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. coupon)
return {'created', coupon}
