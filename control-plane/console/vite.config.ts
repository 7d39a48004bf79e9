import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import type { PluginOption, ProxyOptions, UserConfig } from 'vite'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds a control plane. */
const server = process.env.MUSTER_SERVER ?? 'http://127.0.0.1:8440'

/** Recorded answers instead of a control plane: for looking at pages, never part of a build. */
async function recorded(): Promise<PluginOption[]> {
  if (!process.env.MUSTER_RECORDED) return []
  const { recordedAnswers } = (await import('./tests/dev/recorded.mjs')) as { recordedAnswers: () => PluginOption }
  return [recordedAnswers()]
}

const proxy: Record<string, ProxyOptions> = process.env.MUSTER_RECORDED
  ? {}
  : { '/api': { target: server }, '/webhook': { target: server }, '/healthz': { target: server } }

export default defineConfig(async ({ command }): Promise<UserConfig> => ({
  plugins: [vue(), ...(command === 'serve' ? await recorded() : [])],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __VUE_OPTIONS_API__: 'true',
    __VUE_PROD_DEVTOOLS__: 'false',
  },
  build: {
    target: 'es2022',
    manifest: true,
    // The control plane's content security policy allows no data: script and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, proxy },
  test: { environment: 'happy-dom', include: ['tests/unit/**/*.test.ts'] },
}))
