/**
 * What CI needs to deploy and to fail if the deployment does. The call itself succeeds whenever it is answered; the answer says how the
 * deployment ended. The token stays in the CI's own secrets and out of process arguments.
 */

export const SNIPPETS = ['curl', 'github', 'gitlab'] as const
export type Snippet = (typeof SNIPPETS)[number]

export interface Target {
  origin: string
  applicationId: string
  /** Calls are signed with `MUSTER_SIGNING_SECRET`. */
  signed?: boolean
}

/** HMAC-SHA256 of what comes in, for any shell: openssl would show the secret among its arguments. */
const SIGN = [
  'pad() {',
  '  n=0',
  `  for byte in $(printf '%s' "$MUSTER_SIGNING_SECRET" | od -An -v -tu1); do`,
  `    printf "\\\\$(printf '%03o' $((byte ^ $1)))"`,
  '    n=$((n + 1))',
  '  done',
  `  while [ "$n" -lt 64 ]; do printf "\\\\$(printf '%03o' "$1")"; n=$((n + 1)); done`,
  '}',
  'sign() {',
  '  inner=$({ pad 54 && cat; } | sha256sum | cut -c1-64)',
  '  {',
  '    pad 92',
  `    for byte in $(printf '%s' "$inner" | sed 's/../& /g'); do printf "\\\\$(printf '%03o' "0x$byte")"; done`,
  '  } | sha256sum | cut -c1-64',
  '}',
]

function deploying({ origin, applicationId, signed }: Target, version: string, key: string): string[] {
  const body = `printf '{"applicationId":"${applicationId}","version":"%s","token":"%s"}' "${version}" "$MUSTER_TOKEN"`
  const curl = `curl -sS --retry 5 --retry-connrefused -H 'content-type: application/json' -H "idempotency-key: ${key}" \\`
  const to = `--data-binary @- "${origin}/webhook/deploy?wait=1"`
  if (!signed) return ['deploy() {', `  ${body} |`, `    ${curl}`, `      ${to}`, '}']
  return [
    ...SIGN,
    'deploy() {',
    `  body=$(${body}) now=$(date +%s)`,
    `  signature=$(printf '%s.%s' "$now" "$body" | sign)`,
    `  printf '%s' "$body" |`,
    `    ${curl}`,
    `      -H "x-muster-timestamp: $now" -H "x-muster-signature-256: sha256=$signature" \\`,
    `      ${to}`,
    '}',
  ]
}

function call(target: Target, version: string, key: string): string[] {
  return [
    ...deploying(target, version, key),
    '# A call waits for nine minutes; the same call again goes on waiting for the same deployment.',
    'for try in 1 2 3 4; do',
    '  answer=$(deploy) && echo "$answer"',
    '  case $answer in',
    `    *'"status":"success"'*) exit 0 ;;`,
    `    *'"status":"pending"'* | *'"status":"running"'* | *'"status":"waitingApproval"'*) ;;`,
    '    *) exit 1 ;;',
    '  esac',
    'done',
    'exit 1',
  ]
}

const indent = (lines: string[], by: number) => lines.map((line) => ' '.repeat(by) + line)

export function snippet(kind: Snippet, target: Target): string {
  switch (kind) {
    case 'curl':
      return ['export MUSTER_TOKEN=whk_… VERSION=1.4.2 KEY=deploy-$(date +%s)', '(', ...indent(call(target, '$VERSION', '$KEY'), 2), ')'].join('\n')
    case 'github':
      return [
        'name: deploy',
        'on:',
        '  push:',
        "    tags: ['*']",
        'jobs:',
        '  deploy:',
        '    runs-on: ubuntu-latest',
        '    steps:',
        '      - name: Deploy with Muster',
        '        env:',
        '          MUSTER_TOKEN: ${{ secrets.MUSTER_TOKEN }}',
        '        run: |',
        ...indent(call(target, '$GITHUB_REF_NAME', 'github-$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT'), 10),
      ].join('\n')
    case 'gitlab':
      return [
        'deploy:',
        '  stage: deploy',
        '  image: curlimages/curl',
        '  rules:',
        '    - if: $CI_COMMIT_TAG',
        '  # MUSTER_TOKEN is a masked variable of the project.',
        '  script:',
        '    - |',
        ...indent(call(target, '$CI_COMMIT_TAG', 'gitlab-$CI_JOB_ID'), 6),
      ].join('\n')
  }
}

/** What CI needs to report its builds: for any that has curl and jq. The token and the log are in no process argument. */
export function reportSnippet({ origin, applicationId, signed }: Target): string {
  const curl = `curl -fsS --retry 5 "${origin}/webhook/version" -H 'content-type: application/json'`
  const send = signed
    ? [
        '    { body=$(cat) now=$(date +%s)',
        `      printf '%s' "$body" | ${curl} --data-binary @- -H "x-muster-timestamp: $now" \\`,
        `        -H "x-muster-signature-256: sha256=$(printf '%s.%s' "$now" "$body" | sign)"; }`,
      ]
    : [`    ${curl} --data-binary @-`]
  return [
    'export MUSTER_TOKEN=whk_… VERSION=1.4.2 COMMIT=$(git rev-parse HEAD)',
    ...(signed ? SIGN : []),
    'report() {',
    '  { tail -c 500000 build.log 2>/dev/null || true; } |',
    `    jq -Rs --arg status "$1" '{applicationId: "${applicationId}", version: env.VERSION, token: env.MUSTER_TOKEN,`,
    "      build: {status: $status, commit: env.COMMIT, log: .}}' |",
    ...send,
    '}',
    'report building',
    'if docker build -t "$IMAGE:$VERSION" . >build.log 2>&1 && docker push "$IMAGE:$VERSION" >>build.log 2>&1',
    'then report built',
    'else report buildFailed; exit 1',
    'fi',
  ].join('\n')
}
