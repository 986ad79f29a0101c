/**
 * What has to happen at once in Redis.
 *
 * @remarks
 * Each script gets the stream and the epoch key first, an epoch for the case that there is none, and how long the log may stay unused.
 * Sent as text each time: a script that Redis has to be reminded of could be overtaken by a later one.
 */
const ensureLog = `
local stream, epochKey = KEYS[1], KEYS[2]
local epoch = redis.call('GET', epochKey)
local exists = redis.call('EXISTS', stream) == 1
if not exists then
  redis.call('XGROUP', 'CREATE', stream, 'millrace', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', stream, 'millrace')
end
if not epoch or not exists then
  epoch = ARGV[1]
  redis.call('SET', epochKey, epoch)
end
redis.call('PEXPIRE', stream, ARGV[2])
redis.call('PEXPIRE', epochKey, ARGV[2])
local function describe()
  local info, list = {}, redis.call('XINFO', 'STREAM', stream)
  for i = 1, #list, 2 do info[list[i]] = list[i + 1] end
  return info
end
`;

/**
 * Arguments: epoch, idle, most events, age, whether there are ids; then for each event itself and its id. Keys: one for each id.
 * Answers with the epoch and the id of each entry.
 */
export const publishScript: string = `${ensureLog}
local most, age, ids = ARGV[3], ARGV[4], ARGV[5] == '1'
local answer = {epoch}
for i = 6, #ARGV, 2 do
  local idKey, id = ids and KEYS[#answer + 2], false
  if idKey then
    local first = redis.call('GET', idKey)
    if first and #redis.call('XRANGE', stream, first, first) > 0 then id = first end
  end
  if not id and idKey then
    id = redis.call('XADD', stream, 'MAXLEN', '~', most, '*', 'event', ARGV[i], 'epoch', epoch, 'id', ARGV[i + 1])
    redis.call('SET', idKey, id, 'PX', age)
  elseif not id then
    id = redis.call('XADD', stream, 'MAXLEN', '~', most, '*', 'event', ARGV[i], 'epoch', epoch)
  end
  answer[#answer + 1] = id
end
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - age
if oldest > 0 then redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f', oldest)) end
return answer
`;

/**
 * Arguments: epoch, idle, the position after which entries are wanted, the last entry to give, how many to give at most (0 for none), and any
 * number of positions that are asked about.
 * Answers with the epoch, the last id, the first entry's id, how many entries were ever added, how many are held, for each position and then
 * for the one of the entries whether everything after it is held, and the entries.
 */
export const lookScript: string = `${ensureLog}
local info = describe()
local last, first, added = info['last-generated-id'], info['first-entry'], info['entries-added']
local function holds(after)
  if after == last or #redis.call('XRANGE', stream, after, after) > 0 then return 1 end
  return after == '0-0' and added == info['length'] and 1 or 0
end
local held, entries = {}, {}
for i = 6, #ARGV do held[#held + 1] = holds(ARGV[i]) end
if ARGV[5] ~= '0' then
  held[#held + 1] = holds(ARGV[3])
  entries = redis.call('XRANGE', stream, '(' .. ARGV[3], ARGV[4], 'COUNT', ARGV[5])
end
return {epoch, last, first and first[1] or '', added or -1, info['length'], held, entries}
`;

/**
 * Arguments: epoch, idle, an id that the log is known to have had.
 * Where the log cannot have had it (it stands behind the end, or between entries that are held) the log gets a new epoch.
 * Answers with the epoch, the last id, how many entries were ever added, how many are held, and whether the id is.
 */
export const checkScript: string = `${ensureLog}
local known = ARGV[3]
local info = describe()
local last = info['last-generated-id']
local before = redis.call('XREVRANGE', stream, known, '-', 'COUNT', 1)
local held = before[1] and before[1][1] == known
local function parts(id)
  local dash = string.find(id, '-', 1, true)
  return tonumber(string.sub(id, 1, dash - 1)), tonumber(string.sub(id, dash + 1))
end
if not held and known ~= '0-0' then
  local ms, sequence = parts(known)
  local lastMs, lastSequence = parts(last)
  if before[1] or lastMs < ms or (lastMs == ms and lastSequence < sequence) then
    if epoch ~= ARGV[1] then
      epoch = ARGV[1]
      redis.call('SET', epochKey, epoch, 'KEEPTTL')
    end
  end
end
return {epoch, last, info['entries-added'] or -1, info['length'], held and 1 or 0}
`;
