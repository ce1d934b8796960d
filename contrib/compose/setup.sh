#!/bin/sh
# Makes contrib/compose/made: the configuration and the secrets of contrib/compose.yaml. They are new each time, so run it
# again only to change them. Needs openssl.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
made=${1:-$here/made}
mkdir -p "$made/rootwalk"
# The directory is its owner's alone; its files are read by other users inside the containers.
chmod 700 "$made"
password=$(openssl rand -hex 24)
token=rw_$(openssl rand -hex 32)
digest=$(printf %s "$token" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
openssl rand -base64 32 > "$made/rootwalk/shared-cache.secret"
printf %s "$token" > "$made/prometheus.token"
sed -e "s/CHANGE-ME/$password/" -e "s/0\{64\}/$digest/" "$here/resolver.config.json" > "$made/rootwalk/resolver.config.json"
{ echo 'user default off'; sed "s/CHANGE-ME/$password/" "$here/../valkey/users.acl"; } > "$made/users.acl"
chmod 644 "$made"/rootwalk/* "$made/prometheus.token" "$made/users.acl"
chmod 755 "$made/rootwalk"
echo "made $made"
