import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/built-page.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
    // Tests start many sidecars. Node's compile cache halves the CPU time of a start: 0.7 s without it.
    env: { NODE_COMPILE_CACHE: 'node_modules/.cache/compile' },
    // A busy machine makes nothing wrong, only later.
    expect: { poll: { timeout: 20_000 } },
  },
})

export default config
