-- SPDX-License-Identifier: MIT
-- Work that LuaJIT compiles: integers, floating point, tables, strings, closures, and code that it throws away again.
local bit = require("bit")
local jit_on = jit.status()
print("jit", jit_on)

local function sieve(n)
    local flags, count = {}, 0
    for i = 2, n do flags[i] = true end
    for i = 2, n do
        if flags[i] then
            count = count + 1
            for k = i + i, n, i do flags[k] = false end
        end
    end
    return count
end
print("primes", sieve(200000))

local h = 0
for i = 1, 3000000 do h = bit.bxor(bit.rol(h, 5), i * 2654435761 % 4294967296) end
print("hash", bit.tohex(h))

local sum = 0.0
for i = 1, 2000000 do sum = sum + 1.0 / (i * i) end
print(string.format("%.15f", sum))

local words = {}
for i = 1, 20000 do words[#words + 1] = string.format("%05d", i * 7919 % 20000) end
table.sort(words)
print("sorted", words[1], words[10000], words[#words], #table.concat(words))

local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print("fib", fib(27))

-- New code again and again: traces of functions that are different each time, and a flush between.
local total = 0
for round = 1, 40 do
    local f = assert(loadstring("local s = 0 for i = 1, 2000 do s = s + i % " .. (round + 1) .. " end return s"))
    total = total + f()
    if round % 10 == 0 then jit.flush() end
end
print("generated", total)

local mt = { __index = function(t, k) return k * 2 end }
local t, acc = setmetatable({}, mt), 0
for i = 1, 500000 do acc = acc + t[i] % 7 end
print("meta", acc)
