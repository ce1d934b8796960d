#!/bin/sh
# The script under test: does the shop answer, under both of its names?
for host in api.shop.test www.shop.test; do
  if ! page=$(curl -sS --max-time 5 "http://$host/health"); then
    echo "$host cannot be reached"
    exit 1
  fi
  echo "$host says $page"
done
