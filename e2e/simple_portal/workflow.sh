#!/bin/sh
# The documented workflows ("4. Workflows") as a back end runs them: $1 is the API's URL, further arguments go to curl.
# Prints each answer's status and body on one line; goes on after a refusal.
set -eu
api=$1
shift
answer=$(mktemp)
hash=098f6bcd4621d373cade4e832627b4f6

call() {
  path=$1
  shift
  curl -sS -w '%{http_code} ' -o "$answer" "$@" "$api/$path"
  printf '%s %s\n' "$path" "$(cat "$answer")"
}

# Aktivierung
call access/12345/enable/$hash "$@"
call pack/12345/enable/mail/5 "$@"
# Portal Passwort Reset
call access/12345/enable/$hash "$@"
# Deaktivierung
call pack/12345/disable/mail/5 "$@"
call access/12345/disable "$@"
rm -f "$answer"
