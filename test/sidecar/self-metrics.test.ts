import { closeSync, openSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SELF_METRICS } from '../../src/sidecar/self-metrics.ts'
import { sidecarFacts } from '../expose/fixture.ts'

/** The current value of a metric that is read from this process. */
function read(name: string): number {
  return SELF_METRICS.find(metric => metric.name === name)!.read(sidecarFacts()) as number
}

it('reads memory in bytes, processor time that only rises, and a start in the past', () => {
  const before = read('agent_performance_cpu_seconds_total')
  for (const end = performance.now() + 50; performance.now() < end; );
  expect(read('agent_performance_cpu_seconds_total')).toBeGreaterThan(before)
  expect(read('agent_performance_resident_memory_bytes')).toBeGreaterThan(1e6)
  const startSeconds = read('agent_performance_start_time_seconds')
  expect(startSeconds).toBeLessThan(Date.now() / 1000)
  expect(startSeconds).toBeGreaterThan(Date.now() / 1000 - 3600)
})

it.runIf(process.platform === 'linux')('counts open files (on Linux)', () => {
  const before = read('agent_performance_open_fds')
  const files = Array.from({ length: 20 }, () => openSync(import.meta.filename, 'r'))
  const after = read('agent_performance_open_fds')
  for (const file of files) closeSync(file)
  expect(after - before).toBeGreaterThan(10)
})
