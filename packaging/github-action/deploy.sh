#!/bin/sh
# Deploys a version with Muster, waits for its end, and fails unless it succeeded.
#
# MUSTER_URL, MUSTER_APPLICATION (its id), MUSTER_VERSION (an image tag), MUSTER_TOKEN (whk_…), MUSTER_KEY (the same for
# every try of one run of CI: the same call never deploys twice), MUSTER_MINUTES (how long it is waited for; 30),
# MUSTER_SIGNING_SECRET (whs_…, where the environment wants calls to be signed).
set -eu

# The secret's bytes, each with one XORed, filled up to 64.
pad() {
  n=0
  for byte in $(printf '%s' "$MUSTER_SIGNING_SECRET" | od -An -v -tu1); do
    printf "\\$(printf '%03o' $((byte ^ $1)))"
    n=$((n + 1))
  done
  while [ "$n" -lt 64 ]; do
    printf "\\$(printf '%03o' "$1")"
    n=$((n + 1))
  done
}
# HMAC-SHA256 of what comes in. openssl would show the secret among its arguments.
sign() {
  inner=$({ pad 54 && cat; } | sha256sum | cut -c1-64)
  {
    pad 92
    for byte in $(printf '%s' "$inner" | sed 's/../& /g'); do
      printf "\\$(printf '%03o' "0x$byte")"
    done
  } | sha256sum | cut -c1-64
}

case ${MUSTER_VERSION:-} in
  '' | *[!A-Za-z0-9_.-]*) echo "MUSTER_VERSION is no image tag" >&2; exit 2 ;;
esac
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
give_up=$(($(date +%s) + ${MUSTER_MINUTES:-30} * 60))

body=$(printf '{"applicationId":"%s","version":"%s","token":"%s"}' "$MUSTER_APPLICATION" "$MUSTER_VERSION" "$MUSTER_TOKEN")
while :; do
  set --
  if [ -n "${MUSTER_SIGNING_SECRET:-}" ]; then
    now=$(date +%s)
    set -- -H "x-muster-timestamp: $now" -H "x-muster-signature-256: sha256=$(printf '%s.%s' "$now" "$body" | sign)"
  fi
  # The token goes through a pipe: it is in no process's arguments.
  code=$(
    printf '%s' "$body" |
      curl -sS --max-time 600 -o "$answer" -w '%{http_code}' -H 'content-type: application/json' "$@" \
        -H "idempotency-key: $MUSTER_KEY" --data-binary @- "${MUSTER_URL%/}/webhook/deploy?wait=1"
  ) || code=000
  status=$(sed -n 's/.*"status":"\([A-Za-z]*\)".*/\1/p' "$answer")
  case $code in
    200)
      cat "$answer" && echo
      # It has ended; the answer says how.
      if [ "$status" = success ]; then exit 0; fi
      exit 1
      ;;
    202) echo "the deployment has not ended: it is $status" ;;
    # Away, restarting, or asked too often: the same call goes on where it was.
    000 | 429 | 5??) echo "no answer yet (HTTP $code)" ;;
    *)
      echo "refused (HTTP $code):" >&2
      cat "$answer" >&2
      exit 1
      ;;
  esac
  if [ "$(date +%s)" -ge "$give_up" ]; then
    echo "waited long enough; the deployment may still go on" >&2
    exit 1
  fi
  : >"$answer"
  sleep "${MUSTER_PAUSE_S:-5}"
done
