-- SPDX-License-Identifier: BSD-2-Clause
-- Who may come in: the names in hosts.txt, a file beside this one. It is
-- followed, so a new line there counts without a reload.
-- policy.settings.frontdoor in the configuration overrides its settings.

local hosts = tlsward.hostset("hosts.txt")
local settings = tlsward.settings

return {
  name = "frontdoor", api = 1,
  settings = {
    nameless = false,     -- clients that name no host get the default certificate
    quiet = false,        -- refusals are not logged
  },

  allow = function(hello)
    if hello.sni == nil then
      return settings.nameless
    end
    if hosts:contains(hello.sni) then
      return true
    end
    if not settings.quiet then
      tlsward.log("info", "refused " .. hello.sni .. " to " .. hello.peer)
    end
    return false, "unrecognized_name"
  end,
}
