#!/bin/sh
# Tests deploy-check.sh, as it is, where the names of shop.zone are all there is of the internet.
set -eu
cd "$(dirname "$0")"
ROOTWALK=${ROOTWALK:-npx rootwalk}

# Inside: starts the shop, waits until it is ready, checks it.
with_shop='
  mkfifo "$DESK/ready"
  node server.mjs > "$DESK/ready" &
  read -r _ < "$DESK/ready"
  sh deploy-check.sh
  kill $!
'
DESK=$(mktemp -d)
export DESK
trap 'rm -rf "$DESK"' EXIT

echo "# the shop is there"
$ROOTWALK exec --zone shop.zone --assert-no-unmatched --record "$DESK/queries.jsonl" -- sh -c "$with_shop"
grep -q '"name":"www.shop.test","type":"A"' "$DESK/queries.jsonl"

echo "# the shop is not there: the script notices"
if $ROOTWALK exec --zone shop.zone -- sh deploy-check.sh 2>/dev/null; then exit 1; fi

echo "# the script asks for a name that nobody thought of: the test notices"
if $ROOTWALK exec --assert-no-unmatched -- sh deploy-check.sh 2>/dev/null; then exit 1; fi

echo "# all is well"
