/** Scripts that run on the server, each as one step that no other command interrupts. */
import { createHash } from 'node:crypto'

export interface Script {
  readonly text: string
  readonly sha: string
}

/**
 * Appends a group. Keys: log, head, writers. Arguments: log id, writer, number, `1` for a reset, records, time in milliseconds, `1` if it may
 * only become the first group of the log. Answers the sequence, the chain, and the chain before. The ids of the stream are the sequences, so a
 * reader sees holes. Every error has several words: the server puts ERR before a single one.
 */
export const APPEND: Script = script(`
local id, last, chain = unpack(redis.call('HMGET', KEYS[2], 'id', 'last', 'chain'))
if id ~= ARGV[1] then return redis.error_reply('REPLACED another log is in its place') end
local writer, number = ARGV[2], tonumber(ARGV[3])
local known = tonumber(redis.call('HGET', KEYS[3], writer) or '0')
if known == number then
  -- WAIT waits for the writes of its connection only: without one, it would not wait for a group that another connection sent.
  redis.call('HSET', KEYS[3], writer, ARGV[3])
  return redis.call('HMGET', KEYS[3], writer .. ':seq', writer .. ':chain', writer .. ':before')
end
if known ~= number - 1 then return redis.error_reply('BEHIND ' .. known) end
if ARGV[7] == '1' and last ~= '0' then return redis.error_reply('NOTEMPTY the log has begun') end
local sequence = string.format('%d', tonumber(last) + 1)
local after = redis.sha1hex(chain .. ' ' .. writer .. ' ' .. ARGV[3])
redis.call('XADD', KEYS[1], sequence .. '-0', 'w', writer, 'n', ARGV[3], 't', ARGV[6], 'c', after, 'b', chain, 'r', ARGV[5])
redis.call('HSET', KEYS[2], 'last', sequence, 'chain', after)
redis.call('HINCRBY', KEYS[2], 'bytes', #ARGV[5])
if ARGV[4] == '1' then redis.call('HSET', KEYS[2], 'reset_at', sequence) end
redis.call('HSET', KEYS[3], writer, ARGV[3], writer .. ':seq', sequence, writer .. ':chain', after, writer .. ':before', chain, writer .. ':seen', ARGV[6])
return {sequence, after, chain}
`)

/** Creates the head of a log if there is none. Keys: head. Arguments: log id, seed, limits. Returns the head's id, seed and limits. */
export const CREATE: Script = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'version', '1', 'id', ARGV[1], 'seed', ARGV[2], 'limits', ARGV[3],
    'last', '0', 'chain', '', 'first', '1', 'first_chain', '', 'reset_at', '0', 'bytes', '0')
end
return redis.call('HMGET', KEYS[1], 'version', 'id', 'seed', 'limits')
`)

/** Deletes groups up to a sequence. Keys: log, head, repeats. Arguments: first group now, the first that stays, the chain before it, bytes. */
export const TRIM: Script = script(`
if redis.call('HGET', KEYS[2], 'first') ~= ARGV[1] then return 0 end
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2] .. '-0')
redis.call('HSET', KEYS[2], 'first', ARGV[2], 'first_chain', ARGV[3])
redis.call('HINCRBY', KEYS[2], 'bytes', -tonumber(ARGV[4]))
for sequence = tonumber(ARGV[1]), tonumber(ARGV[2]) - 1 do redis.call('HDEL', KEYS[3], string.format('%d', sequence)) end
return 1
`)

/**
 * Deletes writers that were not seen since. Keys: head, writers. Arguments: the time for writers whose groups have expired, the time for those
 * without groups, writers.
 */
export const FORGET: Script = script(`
local first = tonumber(redis.call('HGET', KEYS[1], 'first'))
for i = 3, #ARGV do
  local writer = ARGV[i]
  local found = redis.call('HMGET', KEYS[2], writer .. ':seen', writer .. ':seq')
  local sequence = tonumber(found[2] or '0')
  local before = tonumber(sequence == 0 and ARGV[2] or ARGV[1])
  if found[1] and tonumber(found[1]) < before and sequence < first then
    redis.call('HDEL', KEYS[2], writer, writer .. ':seq', writer .. ':chain', writer .. ':before', writer .. ':seen')
  end
end
return 1
`)

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
