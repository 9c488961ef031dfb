-- SPDX-License-Identifier: BSD-2-Clause
-- How long a connection may do nothing: by its listener, and by what it will
-- speak. Deadlines that are not in a returned table stay as configured.
-- policy.settings.timeouts in the configuration overrides its settings.

local by_listener = {
  mail = { idle = 1800 },                 -- clients wait for new mail
  api = { idle = 30, half_close = 10 },   -- requests are short
}

local function offers(hello, protocol)
  for _, name in ipairs(hello.alpn) do
    if name == protocol then return true end
  end
  return false
end

return {
  name = "timeouts", api = 1,
  settings = { h2_idle = 600 },           -- browsers keep one connection for long

  timeouts = function(hello)
    local own = by_listener[hello.listener]
    if own then return own end
    if offers(hello, "h2") then
      return { idle = tlsward.settings.h2_idle }
    end
  end,
}
