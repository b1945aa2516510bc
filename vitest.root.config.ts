import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** `npm run test:root`: what needs root, a real disk, strace, or long. What is missing is skipped, and said. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/root/*.root.ts'],
    testTimeout: 300_000,
    maxWorkers: 1,
    disableConsoleIntercept: true,
    // A busy machine makes nothing wrong, only later.
    expect: { poll: { timeout: 20_000 } },
  },
})

export default config
