import { describe, expect, it, onTestFinished } from 'vitest'
import { type FakeSidecar, json, openFakeSidecar, silent } from './fake-sidecar.ts'
import { ENTRY, runNode } from './run-node.ts'

async function sidecar(): Promise<FakeSidecar> {
  const opened = await openFakeSidecar()
  onTestFinished(() => opened.close())
  return opened
}

/** A coordinator that tracks one attempt, and then runs `end`. */
const coordinator = (url: string, end: string): string => `
  import { deliverTo, trackAttempt } from '${ENTRY}'
  const delivery = deliverTo('${url}', { timeoutMs: 60_000 })
  await trackAttempt({ agent_name: 'A', model_name: 'm', issue_type: 'i' }, async () => 'done')
  ${end}
`

describe('the coordinator’s process', () => {
  it('ends although a sidecar does not answer, long before the timeout of the request', async () => {
    const { url, always } = await sidecar()
    always(silent)
    const { code, stderr, ms } = await runNode(coordinator(url, ''))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(ms).toBeLessThan(20_000)
  })

  it('ends although a sidecar is down', async () => {
    const { url, close } = await sidecar()
    await close()
    expect(await runNode(coordinator(url, ''))).toMatchObject({ code: 0, stderr: '' })
  })

  it('ends although a sidecar answers with Retry-After', async () => {
    const { url, always } = await sidecar()
    always(json(503, {}, { 'retry-after': '120' }))
    const { code, ms } = await runNode(coordinator(url, ''))
    expect(code).toBe(0)
    expect(ms).toBeLessThan(20_000)
  })

  it('delivers queued attempts before it ends, also without a flush', async () => {
    const { url, kept } = await sidecar()
    expect(await runNode(coordinator(url, ''))).toMatchObject({ code: 0, stderr: '' })
    expect(kept()).toHaveLength(1)
  })

  it('waits in close until a slow sidecar has answered', async () => {
    const { url, kept, always } = await sidecar()
    always((response, keep, received) => void setTimeout(() => json(200, keep())(response, keep, received), 300))
    expect(await runNode(coordinator(url, 'console.log(await delivery.close())'))).toMatchObject({
      code: 0,
      stdout: 'true\n',
    })
    expect(kept()).toHaveLength(1)
  })

  it('waits in flush until its timeout', async () => {
    const { url, always } = await sidecar()
    always(silent)
    expect(await runNode(coordinator(url, 'console.log(await delivery.flush(300))'))).toMatchObject({
      code: 0,
      stdout: 'false\n',
    })
  })
})
