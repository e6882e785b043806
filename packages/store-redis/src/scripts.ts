/** The Lua scripts of the store. Each is one step that happens as a whole or not at all. */
import { createHash } from 'node:crypto'
import type { RedisScript } from './redis-client.ts'

/** Returns a script, with the name under which the server keeps it. */
export function script(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** KEYS store. ARGV own id for a new store, expected id or "". Returns application, id, format. */
export const identifyScript = script(`
local id = redis.call('HGET', KEYS[1], 'id')
if not id and redis.call('EXISTS', KEYS[1]) == 1 then return {'another application', false, false} end
if not id and ARGV[2] == '' then
  redis.call('HSET', KEYS[1], 'app', 'beamclaw', 'id', ARGV[1], 'format', '1')
end
return redis.call('HMGET', KEYS[1], 'app', 'id', 'format')
`)

/** KEYS those of a command. ARGV its name, and the words behind its keys. Returns what the command returns. */
export const commandScript = script(`
local words = {ARGV[1], unpack(KEYS)}
for at = 2, #ARGV do words[#words + 1] = ARGV[at] end
return redis.call(unpack(words))
`)

/** KEYS attachments of an owner. ARGV id, size. Marks the attachment as pending. Returns 1, or 0 when it is there as a whole. */
export const blobPutScript = script(`
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and string.sub(there, 1, 1) ~= '-' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '-' .. ARGV[2])
return 1
`)

/**
 * KEYS attachments of one owner, and of the owner who gets one. ARGV id. Marks it as pending for the latter. Returns its size, -1 when neither owner has it as a
 * whole, -2 when the latter has.
 */
export const blobShareScript = script(`
local function sizeOf(name)
  local text = redis.call('HGET', name, ARGV[1])
  return text and string.sub(text, 1, 1) ~= '-' and text
end
if sizeOf(KEYS[2]) then return -2 end
local size = sizeOf(KEYS[1])
if not size then return -1 end
redis.call('HSET', KEYS[2], ARGV[1], '-' .. size)
return tonumber(size)
`)

/** KEYS document, keys. ARGV id of the write that was read or "", version, text, id of this write, name for the list. Returns 1, or 0 when it changed. */
export const putScript = script(`
if (redis.call('HGET', KEYS[1], 'w') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'd', ARGV[3], 'w', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[5])
return 1
`)

/**
 * KEYS owner, list of records, snapshot, keys, document. ARGV tag that was read or "", name for the list, id of the document's last write or "" where it
 * stays, "1" when the document goes too. Returns 1, or 0 when something changed.
 */
export const deleteScript = script(`
if (redis.call('HGET', KEYS[1], 't') or '') ~= ARGV[1] then return 0 end
if ARGV[4] == '1' and (redis.call('HGET', KEYS[5], 'w') or '') ~= ARGV[3] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
if ARGV[4] == '1' then redis.call('UNLINK', KEYS[5]) end
if redis.call('EXISTS', KEYS[5]) == 0 then redis.call('ZREM', KEYS[4], ARGV[2]) end
return 1
`)

/**
 * KEYS owner, present list, list of the new owner, keys. ARGV tag that was read or "", epoch, nonce, new tag, name for the list, header of a new log. Returns
 * length, header, seq of the snapshot; 0 when another owner came between, -1 when the list is gone.
 */
export const openScript = script(`
local tag = redis.call('HGET', KEYS[1], 't') or ''
if tag ~= ARGV[1] then return {0} end
if tag == '' then redis.call('RPUSH', KEYS[3], ARGV[6])
elseif redis.call('EXISTS', KEYS[2]) == 0 then return {-1}
else redis.call('RENAME', KEYS[2], KEYS[3]) end
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'n', ARGV[3], 't', ARGV[4])
redis.call('ZADD', KEYS[4], 0, ARGV[5])
return {redis.call('LLEN', KEYS[3]), redis.call('LINDEX', KEYS[3], 0), redis.call('HGET', KEYS[1], 's') or '0'}
`)

/**
 * KEYS lists. ARGV for each: number of records, expected length, the records. Returns for each the new length, 0 when the list is not there, minus its length
 * when that is not the expected one (nothing is written then), or an error as text.
 */
export const appendScript = script(`
local replies, at = {}, 1
for index, list in ipairs(KEYS) do
  local count, expected = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local from, last = at + 2, at + 1 + count
  at = last + 1
  local reply
  repeat
    local to = math.min(last, from + 3999)
    reply = redis.pcall('RPUSHX', list, unpack(ARGV, from, to))
    from = to + 1
  until from > last or type(reply) ~= 'number' or reply == 0
  if type(reply) ~= 'number' then reply = reply.err
  elseif reply ~= 0 and reply ~= expected then
    redis.call('RPOP', list, count)
    reply = count - reply
  end
  replies[index] = reply
end
return replies
`)

/**
 * KEYS list. ARGV first seq, most records, most bytes. Returns length, header, the records from that seq on; length 0 when the list is not there. Reads in small
 * steps: the size of a record is known only once it was read.
 */
export const pageScript = script(`
local length = redis.call('LLEN', KEYS[1])
if length == 0 then return {0} end
local header = redis.call('LINDEX', KEYS[1], 0)
local page = {length, header}
local at = math.max(1, tonumber(ARGV[1]) - tonumber(string.match(header, '"base":(%d+)') or '0'))
local last, bytes = math.min(length - 1, at + tonumber(ARGV[2]) - 1), 0
while at <= last and bytes < tonumber(ARGV[3]) do
  for _, record in ipairs(redis.call('LRANGE', KEYS[1], at, math.min(last, at + 49))) do
    page[#page + 1] = record
    bytes = bytes + #record
  end
  at = at + 50
end
return page
`)

/** KEYS list, owner, snapshot. ARGV expected length, seq, text, records that go, header. Returns 1, 0 when the list is not there, minus its length when that is not the expected one. */
export const snapshotScript = script(`
local length = redis.call('LLEN', KEYS[1])
if length == 0 then return 0 end
if length ~= tonumber(ARGV[1]) then return -length end
redis.call('SET', KEYS[3], ARGV[2] .. ' ' .. ARGV[3])
redis.call('HSET', KEYS[2], 's', ARGV[2])
if ARGV[4] ~= '0' then
  redis.call('LTRIM', KEYS[1], ARGV[4], -1)
  redis.call('LSET', KEYS[1], 0, ARGV[5])
end
return 1
`)

/**
 * KEYS beginning of the names of an index. ARGV for each entry: session, text, score of the last activity, score of the creation, groups. Groups are the
 * digests of label and owner, of which each has a sorted set of its own.
 */
export const indexPutScript = script(`
local function move(command, groups, session, score)
  for kind, digest in string.gmatch(groups, '(%l)(%x+)') do
    if command == 'ZADD' then redis.call('ZADD', KEYS[1] .. ':' .. kind .. ':' .. digest, score, session)
    else redis.call('ZREM', KEYS[1] .. ':' .. kind .. ':' .. digest, session) end
  end
end
for at = 1, #ARGV, 5 do
  local session, groups = ARGV[at], ARGV[at + 4]
  redis.call('HSET', KEYS[1] .. ':e', session, ARGV[at + 1])
  local before = redis.call('HGET', KEYS[1] .. ':g', session) or ''
  if before ~= groups then
    move('ZREM', before, session)
    redis.call('HSET', KEYS[1] .. ':g', session, groups)
  end
  redis.call('ZADD', KEYS[1] .. ':key', 0, session)
  redis.call('ZADD', KEYS[1] .. ':updatedAt', ARGV[at + 2], session)
  redis.call('ZADD', KEYS[1] .. ':createdAt', ARGV[at + 3], session)
  move('ZADD', groups, session, ARGV[at + 2])
end
return 1
`)

/** KEYS beginning of the names of an index. ARGV sessions. */
export const indexDeleteScript = script(`
for _, session in ipairs(ARGV) do
  for kind, digest in string.gmatch(redis.call('HGET', KEYS[1] .. ':g', session) or '', '(%l)(%x+)') do
    redis.call('ZREM', KEYS[1] .. ':' .. kind .. ':' .. digest, session)
  end
  redis.call('HDEL', KEYS[1] .. ':e', session)
  redis.call('HDEL', KEYS[1] .. ':g', session)
  for _, sort in ipairs({'key', 'updatedAt', 'createdAt'}) do redis.call('ZREM', KEYS[1] .. ':' .. sort, session) end
end
return #ARGV
`)
