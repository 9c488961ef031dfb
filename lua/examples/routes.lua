-- SPDX-License-Identifier: BSD-2-Clause
-- Which backend serves a name, and where the missing parts of its certificate
-- chain may come from. A name that is not here goes to its listener's backend.

local backends = {
  ["db.example.org"] = "postgres",
  ["www.example.org"] = "app",
}
local internal = tlsward.hostset("internal.txt")

return {
  name = "routes", api = 1,

  route = function(hello)
    return backends[hello.sni or ""]
  end,

  chain = function(hello)
    if internal:contains(hello.sni) then
      return { "file", incomplete = "refuse" }    -- our own authority: nothing to fetch
    end
    return { "file", "store", incomplete = "serve" }
  end,
}
