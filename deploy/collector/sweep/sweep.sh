#!/bin/sh
# Runs the sweep. Stacks that differ (exit 2) are no failed job: the collector tells of them. One that could not be measured is.
holdfast-collector sweep --config /etc/holdfast/config/collector.yaml --push-to "$COLLECTOR_URL" &
sweep=$!
trap 'kill -TERM "$sweep" 2>/dev/null' TERM INT
# A signal ends the wait and not the sweep, which still tells what it has measured.
while :; do
  wait "$sweep"
  code=$?
  kill -0 "$sweep" 2>/dev/null || break
done
[ "$code" -eq 2 ] && exit 0
exit "$code"
