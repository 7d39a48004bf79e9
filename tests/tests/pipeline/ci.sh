#!/bin/sh
# What the application's own CI does with a tag: names the version, builds and pushes its image, asks for its deployment.
#
# It knows GITHUB_REF, IMAGE, CONTEXT, MUSTER_URL and APPLICATION_ID, and of secrets one: DEPLOY_WEBHOOK_TOKEN. The
# answer, with its status behind it, goes to standard output.
set -eu

VERSION=${GITHUB_REF#refs/tags/}

docker build --quiet --network none --build-arg "VERSION=$VERSION" --tag "$IMAGE:$VERSION" "$CONTEXT" >&2
docker push --quiet "$IMAGE:$VERSION" >&2
# The host has to get it from the registry.
docker image rm --force "$IMAGE:$VERSION" >&2

# Through a pipe: a token among the arguments would be seen by everybody on the machine.
printf '{"applicationId":"%s","version":"%s","token":"%s"}' "$APPLICATION_ID" "$VERSION" "$DEPLOY_WEBHOOK_TOKEN" |
  curl --silent --show-error --max-time 120 --write-out '\n%{http_code}' -X POST "$MUSTER_URL/webhook/deploy$WAIT" \
    -H 'Content-Type: application/json' --data-binary @-
