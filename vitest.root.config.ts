import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** `npm run test:root`: what needs root, a real disk or strace. What is missing is skipped, and said. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/root/*.root.ts'],
    testTimeout: 120_000,
    maxWorkers: 1,
    disableConsoleIntercept: true,
  },
})

export default config
