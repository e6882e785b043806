/**
 * The Lua scripts of the cluster. All times are the server's, in milliseconds: clocks of nodes decide nothing. Each that writes deletes first, so that a
 * server whose memory is full lets the rest pass: nodes must stay members then, or all sessions would stop, those that would free memory too.
 */
import type { RedisScript } from './redis-client.ts'
import { script } from './scripts.ts'

const common = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function isLive(incarnation)
  local ends = incarnation and redis.call('ZSCORE', KEYS[1], incarnation)
  return ends and tonumber(ends) > now
end
`

const membership = `${common}
local function listeners(incarnation) return redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. incarnation)[2] end
local function remove(incarnation)
  redis.call('ZREM', KEYS[1], incarnation)
  redis.call('HDEL', KEYS[2], incarnation)
end
local function removeEnded()
  redis.call('HDEL', KEYS[2], '')
  for _, incarnation in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do remove(incarnation) end
end
local function renew(incarnation, ttl) redis.call('ZADD', KEYS[1], whole(now + ttl), incarnation) end
local function view()
  local nodes = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  local reply = {'ok', whole(now)}
  for at = 1, #nodes, 2 do
    local incarnation = nodes[at]
    reply[#reply + 1] = {incarnation, nodes[at + 1], listeners(incarnation), redis.call('HGET', KEYS[2], incarnation)}
  end
  return reply
end
`

/**
 * KEYS nodes, members, store. ARGV beginning of channels, incarnation, id, ttl, record, earlier incarnations of the same process with commas, channel of
 * changes, id of the store. Returns the view; `taken` with the incarnation that has the id; `replaced` with the id of the store that is there.
 */
export const enterScript: RedisScript = script(`${membership}
local store = redis.call('HGET', KEYS[3], 'id')
if store ~= ARGV[8] then return {'replaced', store} end
removeEnded()
for incarnation in string.gmatch(ARGV[6], '[^,]+') do remove(incarnation) end
local records = redis.call('HGETALL', KEYS[2])
for at = 1, #records, 2 do
  local other = records[at]
  if other ~= ARGV[2] and string.match(records[at + 1], '^(%S+) ') == ARGV[3] then
    if isLive(other) and listeners(other) > 0 then return {'taken', other} end
    remove(other)
  end
end
renew(ARGV[2], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[5])
redis.call('PUBLISH', ARGV[7], ARGV[2])
return view()
`)

/**
 * KEYS nodes, members. ARGV beginning of channels, incarnation, ttl, record or "" for the same as before, whether others are told at once, channel of changes;
 * then pairs of an incarnation that may be dead and the end of its membership when it was last seen. Returns the view, or `gone`.
 */
export const beatScript: RedisScript = script(`${membership}
removeEnded()
if not isLive(ARGV[2]) then return {'gone'} end
renew(ARGV[2], ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[2], ARGV[4]) end
local isNews = ARGV[5] == '1'
for at = 7, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] and listeners(ARGV[at]) == 0 then
    remove(ARGV[at])
    isNews = true
  end
end
if isNews then redis.call('PUBLISH', ARGV[6], ARGV[2]) end
return view()
`)

/** KEYS nodes, members. ARGV beginning of channels, incarnation, channel of changes. Returns 1. */
export const leaveScript: RedisScript = script(`${membership}
remove(ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
`)

const ownership = `${common}
local owner = redis.call('HMGET', KEYS[2], 'id', 'inc', 'e', 'n', 'toId', 'toInc', 'toEnd')
local function keepUntil(ms)
  redis.call('PEXPIREAT', KEYS[2], whole(math.max(now, tonumber(redis.call('HGET', KEYS[2], 'e') or '0')) + ms))
end
local function isHandedOver() return owner[7] and tonumber(owner[7]) > now and isLive(owner[6]) end
`

/**
 * KEYS nodes, owner. ARGV id, incarnation, nonce, epoch to exceed, milliseconds to keep the owner. Returns `granted` with the epoch, `owned` with id and
 * incarnation of the owner, or `gone` when the incarnation is no live member.
 */
export const claimScript: RedisScript = script(`${ownership}
if not isLive(ARGV[2]) then return {'gone'} end
if owner[2] and owner[1] ~= ARGV[1] and isLive(owner[2]) then return {'owned', owner[1], owner[2]} end
if not owner[2] and isHandedOver() and owner[5] ~= ARGV[1] then return {'owned', owner[5], owner[6]} end
local epoch = whole(math.max(tonumber(owner[3] or '0') + 1, now, tonumber(ARGV[4]) + 1))
redis.call('HDEL', KEYS[2], 'toId', 'toInc', 'toEnd')
redis.call('HSET', KEYS[2], 'id', ARGV[1], 'inc', ARGV[2], 'e', epoch, 'n', ARGV[3])
keepUntil(tonumber(ARGV[5]))
return {'granted', epoch}
`)

/**
 * KEYS nodes, owner. ARGV epoch, nonce, milliseconds to keep the last epoch, id and incarnation of the next owner or "", milliseconds for which it alone may
 * claim, id of the node that releases. Returns 1, or 0 when another lease holds the key.
 */
export const releaseScript: RedisScript = script(`${ownership}
if owner[1] ~= ARGV[7] or owner[3] ~= ARGV[1] or owner[4] ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], 'id', 'inc', 'n')
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'toId', ARGV[4], 'toInc', ARGV[5], 'toEnd', whole(now + ARGV[6])) end
keepUntil(tonumber(ARGV[3]))
return 1
`)

/** KEYS nodes, owner. Returns the last epoch, then `owned` or `handed` with id and incarnation, or `free`. Writes nothing. */
export const locateScript: RedisScript = script(`${ownership}
local epoch = owner[3] or '0'
if owner[2] then return isLive(owner[2]) and {epoch, 'owned', owner[1], owner[2]} or {epoch, 'free'} end
if isHandedOver() then return {epoch, 'handed', owner[5], owner[6]} end
return {epoch, 'free'}
`)

/** KEYS nodes, owner. ARGV nonce, milliseconds. Keeps the owner for so long from now on, if that lease holds the key. */
export const keepScript: RedisScript = script(`${ownership}
if owner[4] ~= ARGV[1] then return 0 end
keepUntil(tonumber(ARGV[2]))
return 1
`)

/**
 * KEYS parcel. ARGV text, milliseconds to keep it, channel, message that names it, `1` where connections of other servers may hear it, too. Returns the connections
 * that heard it; without one nothing is kept.
 */
export const sendParcelScript: RedisScript = script(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local receivers = redis.call('PUBLISH', ARGV[3], ARGV[4])
if receivers == 0 and ARGV[5] ~= '1' then redis.call('UNLINK', KEYS[1]) end
return receivers
`)

/** KEYS parcel. ARGV most bytes. Returns its text, and keeps it no longer; nothing when there is none, or it is larger. */
export const takeParcelScript: RedisScript = script(`
local text = redis.call('STRLEN', KEYS[1]) <= tonumber(ARGV[1]) and redis.call('GET', KEYS[1])
redis.call('UNLINK', KEYS[1])
return text
`)
