/** Arguments: version, text, when it expires. Answers with 1 if the version before it was there. */
export const writeScript = `
local version = redis.call('HGET', KEYS[1], 'version')
if (version and tonumber(version) or 0) ~= tonumber(ARGV[1]) - 1 then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
return 1
`;

/** Answers with the text, once. */
export const removeScript = `
local text = redis.call('HGET', KEYS[1], 'text')
redis.call('DEL', KEYS[1])
return text
`;

/** Arguments: token, entry, when it expires. The hash lives as long as the last of its entries. */
export const addScript = `
local left = redis.call('PTTL', KEYS[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if left < 0 or now + left < tonumber(ARGV[3]) then redis.call('PEXPIREAT', KEYS[1], ARGV[3]) end
return 1
`;

/** Argument: token. Answers with the entry, once. */
export const takeScript = `
local entry = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return entry
`;
