import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** `npm run test:root`: tests that need root, a real disk or strace, or that take long. Missing requirements skip a test. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/root/*.root.ts'],
    testTimeout: 300_000,
    maxWorkers: 1,
    disableConsoleIntercept: true,
    // Long, so that a loaded machine makes tests slow, but does not make them fail.
    expect: { poll: { timeout: 20_000 } },
  },
})

export default config
