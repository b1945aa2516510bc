import { closeSync, openSync } from 'node:fs'
import { expect, it, onTestFinished, vi } from 'vitest'
import { openProcessHealth, type ProcessHealth } from '../../src/expose/process-health.ts'

function open(clock = Date.now): ProcessHealth {
  const health = openProcessHealth(clock)
  onTestFinished(health.close)
  return health
}

/** Keeps the event loop from turning. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

it('tells of memory in bytes, processor time that only rises, and a start in the past', () => {
  const { read } = open()
  const before = read()
  block(50)
  const after = read()
  expect(before.agent_performance_resident_memory_bytes).toBeGreaterThan(1e6)
  expect(after.agent_performance_cpu_seconds_total).toBeGreaterThan(before.agent_performance_cpu_seconds_total!)
  expect(before.agent_performance_start_time_seconds).toBeLessThan(Date.now() / 1000)
  expect(before.agent_performance_start_time_seconds).toBeGreaterThan(Date.now() / 1000 - 3600)
})

it('shows a blocked event loop to every reader for ten seconds or more, and then no longer', async () => {
  let nowMs = 0
  const { read } = open(() => nowMs)
  const lag = (): number => read().agent_performance_event_loop_lag_seconds!
  await vi.waitUntil(() => {
    block(200)
    return lag() > 0.1
  })
  expect(lag()).toBeGreaterThan(0.1)
  nowMs += 15_000
  expect(lag()).toBeGreaterThan(0.1)
  expect(lag()).toBeGreaterThan(0.1)
  await vi.waitUntil(() => {
    nowMs += 15_000
    return lag() < 0.1
  })
})

it.runIf(process.platform === 'linux')('counts open files (where the system is Linux)', () => {
  const { read } = open()
  const before = read().agent_performance_open_fds!
  const files = Array.from({ length: 20 }, () => openSync(import.meta.filename, 'r'))
  const after = read().agent_performance_open_fds!
  for (const file of files) closeSync(file)
  expect(after - before).toBeGreaterThan(10)
})
