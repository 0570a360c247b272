-- Checks a password against the customer's secret, which the SQL passdb before this one has found. The secret is the
-- Argon2id of the password (form "plain") or of its MD5 in small hex digits (form "md5hex"); the MD5 is made here from
-- what was typed, so that the MD5 itself is no password.

-- Takes the secret out of what the mail processes see.
local function blanked()
  return { userdb_prov_secret = "", userdb_prov_form = "", userdb_prov_apps = "" }
end

function auth_password_verify(req, pass)
  local A, user = dovecot.auth, req.userdb
  local secret, form, apps = user.prov_secret, user.prov_form, user.prov_apps
  if apps and apps ~= "" then -- "imap,smtp:<sha256 in hex> imap:<sha256 in hex>"
    local digest = req:var_expand("%{sha256:password}")
    for protocols, hex in apps:gmatch("(%S+):(%x+)") do
      if hex == digest and ("," .. protocols .. ","):find("," .. req.service .. ",", 1, true) then
        return A.PASSDB_RESULT_OK, blanked()
      end
    end
  end
  if not secret or secret == "" then return A.PASSDB_RESULT_PASSWORD_MISMATCH, {} end
  if form == "md5hex" then pass = req:var_expand("%{md5:password}") end
  local result, err = req:password_verify("{ARGON2ID}" .. secret, pass)
  if result > 0 then return A.PASSDB_RESULT_OK, blanked() end
  if result < 0 then
    req:log_error(tostring(err))
    return A.PASSDB_RESULT_INTERNAL_FAILURE, {}
  end
  return A.PASSDB_RESULT_PASSWORD_MISMATCH, {}
end

function auth_passdb_lookup(req)
  return dovecot.auth.PASSDB_RESULT_USER_UNKNOWN, {}
end
