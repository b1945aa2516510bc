/** `npm run test:prometheus3`: the tests of rules and dashboards with Prometheus 3, built from its Go module. Needs Go; the first build takes long. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter } from 'node:path'

/** Prometheus 3.16.0. Its module has no major version, so that 3.x is v0.3xx. */
const VERSION = 'v0.316.0'
const MODULE = 'github.com/prometheus/prometheus'
const FOLDER = new URL(`../../node_modules/.cache/prometheus-${VERSION}/`, import.meta.url).pathname
const PROGRAMS = ['promtool', 'prometheus'] as const

if (spawnSync('go', ['version']).error !== undefined) {
  process.stderr.write('go is missing: install Go 1.21 or newer, which fetches the version that Prometheus needs\n')
  process.exit(1)
}
if (!PROGRAMS.every(name => existsSync(FOLDER + name)))
  execFileSync('go', ['install', ...PROGRAMS.map(name => `${MODULE}/cmd/${name}@${VERSION}`)], {
    env: { ...process.env, GOBIN: FOLDER },
    stdio: 'inherit',
  })
const { status } = spawnSync('npx', ['vitest', 'run', 'test/prometheus', 'test/grafana', 'prometheus.test'], {
  env: { ...process.env, PATH: `${FOLDER}${delimiter}${process.env.PATH}` },
  stdio: 'inherit',
})
process.exitCode = status ?? 1
