/** The first page may load at most 200 KB of script, compressed. Run after a build. */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const LIMIT = 200 * 1024
const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'))

/** A chunk and everything that it imports at once. */
function reach(key, seen = new Set()) {
  if (seen.has(key)) return seen
  seen.add(key)
  for (const next of manifest[key]?.imports ?? []) reach(next, seen)
  return seen
}

const first = new Set()
for (const entry of ['index.html', 'src/i18n/zh-CN/index.ts', 'src/overview/OverviewPage.vue']) reach(entry, first)
const sizes = [...first].map((key) => [manifest[key].file, gzipSync(readFileSync(`dist/${manifest[key].file}`)).length])
const total = sizes.reduce((sum, [, size]) => sum + size, 0)
console.log(`first page: ${(total / 1024).toFixed(1)} KB of script, compressed (limit ${LIMIT / 1024})`)
if (total > LIMIT) {
  for (const [file, size] of sizes.sort((a, b) => b[1] - a[1])) console.error(`  ${(size / 1024).toFixed(1)} KB  ${file}`)
  process.exit(1)
}
