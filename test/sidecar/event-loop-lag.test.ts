import { expect, it, onTestFinished, vi } from 'vitest'
import { openEventLoopLag } from '../../src/sidecar/event-loop-lag.ts'

/** Blocks the event loop. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

it('reports a blocked event loop to every reader for at least ten seconds, and then no longer', async () => {
  let nowMs = 0
  const lag = openEventLoopLag(() => nowMs)
  onTestFinished(lag.close)
  await vi.waitUntil(() => {
    block(200)
    return lag.seconds() > 0.1
  })
  expect(lag.seconds()).toBeGreaterThan(0.1)
  nowMs += 15_000
  expect(lag.seconds()).toBeGreaterThan(0.1)
  expect(lag.seconds()).toBeGreaterThan(0.1)
  await vi.waitUntil(() => {
    nowMs += 15_000
    return lag.seconds() < 0.1
  })
})
