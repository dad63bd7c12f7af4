-- Counts one request in every scope or in none, or takes one back; the rules are those of segue.console.ratelimit.
--
-- KEYS       the scopes; the value of each is its arrival, in Unix microseconds
-- ARGV[1]    take or undo
-- ARGV[2]    now, in Unix microseconds; empty for the time of this Redis (nothing expires when it is given)
-- ARGV[2i+1] the interval, and ARGV[2i+2] the window, of KEYS[i], in microseconds
--
-- Gives {1 or 0, now, the arrival of each scope afterwards}.
--
-- Numbers are doubles here. They hold whole microseconds exactly up to 2^53, which is the year 2255: a moment of today
-- has 51 bits, and a window is at most a year. They are written with %.0f, for tostring keeps fourteen digits only.

local take = ARGV[1] == 'take'
local given = ARGV[2] ~= ''
local now
if given then
  now = tonumber(ARGV[2])
else
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local allowed = true
local found, after = {}, {}
for i, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  found[i] = tonumber(redis.call('GET', key) or nil)
  after[i] = math.min(math.max(found[i] or now, now), now + window)
  if take and after[i] + interval > now + window then
    allowed = false
  end
end

local answer = {allowed and 1 or 0, now}
for i, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[2 * i + 1])
  if not take then
    after[i] = math.max(now, after[i] - interval)
  elseif allowed then
    after[i] = after[i] + interval
  end
  if after[i] <= now then
    if found[i] then
      redis.call('DEL', key)
    end
  elseif given then
    redis.call('SET', key, string.format('%.0f', after[i]))
  elseif after[i] ~= found[i] then
    redis.call('SET', key, string.format('%.0f', after[i]), 'PX', math.ceil((after[i] - now) / 1000))
  end
  answer[i + 2] = after[i]
end
return answer
