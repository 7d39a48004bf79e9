/**
 * What CI needs to deploy and to fail if the deployment does. The call itself succeeds whenever it is answered; the answer says how the
 * deployment ended. The token stays in the CI's own secrets and out of process arguments.
 */

export const SNIPPETS = ['curl', 'github', 'gitlab'] as const
export type Snippet = (typeof SNIPPETS)[number]

export interface Target {
  origin: string
  applicationId: string
}

function call({ origin, applicationId }: Target, version: string, key: string): string[] {
  return [
    'deploy() {',
    `  printf '{"applicationId":"${applicationId}","version":"%s","token":"%s"}' "${version}" "$MUSTER_TOKEN" |`,
    `    curl -sS --retry 5 --retry-connrefused -H 'content-type: application/json' -H "idempotency-key: ${key}" \\`,
    `      --data-binary @- "${origin}/webhook/deploy?wait=1"`,
    '}',
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
export function reportSnippet({ origin, applicationId }: Target): string {
  return [
    'export MUSTER_TOKEN=whk_… VERSION=1.4.2 COMMIT=$(git rev-parse HEAD)',
    'report() {',
    '  { tail -c 500000 build.log 2>/dev/null || true; } |',
    `    jq -Rs --arg status "$1" '{applicationId: "${applicationId}", version: env.VERSION, token: env.MUSTER_TOKEN,`,
    "      build: {status: $status, commit: env.COMMIT, log: .}}' |",
    `    curl -fsS --retry 5 "${origin}/webhook/version" -H 'content-type: application/json' --data-binary @-`,
    '}',
    'report building',
    'if docker build -t "$IMAGE:$VERSION" . >build.log 2>&1 && docker push "$IMAGE:$VERSION" >>build.log 2>&1',
    'then report built',
    'else report buildFailed; exit 1',
    'fi',
  ].join('\n')
}
