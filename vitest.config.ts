import { join } from 'node:path'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Tests that start no process and leave nothing behind: no mocked module, no environment variable, no global provider. Their files share a
 * process, so that the project is imported once per worker. To import it for every file takes longer than most of these tests.
 */
const SHARED = [
  'test/core/**/!(simulations*).test.ts',
  'test/receive/**/!(answer|handler).test.ts',
  'test/questions/*.test.ts',
  'test/command/{alerts,alerts-test,export,honesty,import,outcome,passwords,questions,record,serve,statistics,store,table,token-file}.test.ts',
  'test/sidecar/{changed-settings,clock,documentation,model-aliases,otlp-metrics,raw-json,self-metrics}.test.ts',
  'test/server/{http-strictness,log-output,refusal-log}.test.ts',
  'test/notify/{address,notifier,plan}.test.ts',
  'test/store/*.test.ts',
  'test/store/{copy,document,ids,snapshot,spool,sqlite}/*.test.ts',
  'test/store/engine/!(freshness|raised-limits|spooling).test.ts',
  'test/store/file/!(append-file|changed-schema|crash|opening).test.ts',
  'test/{config,expose,lib,openapi,pricing,statistics}/!(otlp-out|prometheus|promtool|statuses).test.ts',
  'test/page/{assets,stream/*}.test.ts',
]

/** Simulations of the statistics: two minutes of computation. `npm run test:simulations` runs them. */
const SIMULATIONS = ['test/core/statistics/simulations*.test.ts']

/** Unit tests of the Prometheus rules: minutes of computation by promtool. `npm run test:rules` runs them. */
const RULES = ['test/prometheus/configuration.test.ts']

/** The longest files, longest first. One that starts last would run alone at the end. Known durations are not enough: a new clone has none. */
const LONGEST = [
  'notify/end-to-end',
  'store/file/crash',
  'packages/packages',
  'end-to-end/stopping',
  'end-to-end/otlp-metrics',
  'chaos/kill',
  'end-to-end/otlp-restart',
  'page/app/views',
  'server/held-connections',
  'end-to-end/lost-lock',
  'end-to-end/stream-memory',
  'server/connections',
  'end-to-end/log-output',
  'prometheus/degradation',
].map(name => `/test/${name}.test.ts`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const longest = LONGEST.flatMap(name => sorted.filter(({ moduleId }) => moduleId.endsWith(name)))
    return [...longest, ...sorted.filter(file => !longest.includes(file))]
  }
}

const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: 'test/support/built-page.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // More than cores: about a third of the time a test waits, for timeouts of a server or retries of an exporter.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Tests start many sidecars. Node's compile cache halves the CPU time of a start: 0.7 s without it.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile') },
    // A busy machine makes nothing wrong, only later.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
      {
        extends: true,
        test: { name: 'files', include: ['test/**/*.test.ts'], exclude: [...SHARED, ...SIMULATIONS, ...RULES] },
      },
      { extends: true, test: { name: 'simulations', include: SIMULATIONS } },
      // promtool uses one core for the most part, and two of them the memory that a small machine has.
      { extends: true, test: { name: 'rules', include: RULES, sequence: { concurrent: true }, maxConcurrency: 2 } },
    ],
  },
})

export default config
