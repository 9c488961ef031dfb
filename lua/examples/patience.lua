-- SPDX-License-Identifier: BSD-2-Clause
-- What is done with a process that was found sick, when that is not what the
-- default says: to replace it.

return {
  name = "patience", api = 1,

  worker = function(sample, verdict)
    -- A leak that is small against the limit does not hurt anybody tonight: it
    -- is looked at again a minute later.
    if verdict.kind == "fd_leak" and sample.descriptors < sample.descriptors_limit / 2 then
      return "keep"
    end
    -- Nobody else takes its place until an operator wants it.
    if verdict.kind == "memory" and sample.role == "worker" then
      return "drain"
    end
  end,
}
