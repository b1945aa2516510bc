/** What each sink sends, and how it treats the answers. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HttpSink } from '../../src/config/sinks.ts'
import { alertId } from '../../src/core/alerts/alert.ts'
import { type Notification, notificationOf } from '../../src/notify/notification.ts'
import type { SendResult } from '../../src/notify/sink.ts'
import { createSinks } from '../../src/notify/sinks/sinks.ts'
import { fingerprint } from '../../src/notify/sinks/webhook.ts'
import { anAlert } from '../support/alerts.ts'
import { openReceiver, type Receiver } from './receiver.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const BASE = 'https://perf.example.com/'
const folder = mkdtempSync(join(tmpdir(), 'sinks-'))

let receiver: Receiver
beforeEach(async () => {
  receiver = await openReceiver()
})
afterEach(() => receiver[Symbol.asyncDispose]())

function notification(more: Parameters<typeof anAlert>[1] = {}, endedMs?: number): Notification {
  const alert = anAlert('AgentSuccessDrift', { owner: 'team-a', ...more })
  const status = endedMs === undefined ? 'firing' : 'resolved'
  const episode = { alert, status, startedMs: NOW - 60_000, endedMs, sinks: new Map() } as const
  return notificationOf({ id: alertId(alert), episode, notifiedMs: undefined }, { baseUrl: BASE })
}

const config = (type: HttpSink['type'], more: Partial<HttpSink> = {}): HttpSink => ({
  type,
  name: 'ops',
  url: `${receiver.url}/hook`,
  urlFile: undefined,
  tokenFile: undefined,
  secretFile: undefined,
  networks: [],
  ...more,
})

async function send(sink: HttpSink, ...notifications: readonly Notification[]): Promise<SendResult> {
  const [one] = createSinks([sink], { baseUrl: BASE, refreshMs: 60_000, write: () => undefined })
  return await one!.send(notifications, { nowMs: NOW, signal: new AbortController().signal })
}

const LABELS = { agent_name: 'fixer', alertname: 'AgentSuccessDrift', severity: 'warning', owner: 'team-a' }

describe('an Alertmanager', () => {
  test('receives alerts with their start, and an end in the future while they fire', async () => {
    const token = join(folder, 'token')
    writeFileSync(token, 'open\n')
    const sink = config('alertmanager', { tokenFile: token })
    expect(await send(sink, notification(), notification({}, NOW))).toEqual({ status: 'sent' })
    const [{ path, headers, body }] = receiver.received as [(typeof receiver.received)[number]]
    expect([path, headers.authorization]).toEqual(['/hook/api/v2/alerts', 'Bearer open'])
    expect(body).toMatchObject([
      { labels: LABELS, startsAt: '2026-03-01T11:00:00.000Z', endsAt: '2026-03-01T12:04:00.000Z' },
      { labels: LABELS, startsAt: '2026-03-01T11:00:00.000Z', endsAt: '2026-03-01T12:00:00.000Z' },
    ])
    expect(body[0]).toMatchObject({
      generatorURL: 'https://perf.example.com/trends?agent_name=fixer',
      annotations: {
        summary: 'The success rate of fixer fell from 90 % to 52 %.',
        description:
          'e-value 1,204 against no change, over 120 attempts.\nsuccess rate: 90 % before, 52 % now (95 % interval 42.1 % to 61.9 %, n = 120)',
        false_alarms: 'At most one in 20 alerts of this rule is false.',
        runbook_url: 'https://perf.example.com/docs/alerts.md#x',
        question_url: 'https://perf.example.com/api/v1/trends?agent_name=fixer',
      },
    })
  })
})

describe('a webhook', () => {
  test('receives the payload of Alertmanager, version 4, with an id that is the same for every try', async () => {
    for (const one of [notification(), notification(), notification({}, NOW)]) await send(config('webhook'), one)
    const [first, again, over] = receiver.received
    expect(first!.body).toMatchObject({
      version: '4',
      status: 'firing',
      receiver: 'ops',
      groupKey: '{}:{agent_name="fixer", alertname="AgentSuccessDrift", owner="team-a", severity="warning"}',
      truncatedAlerts: 0,
      commonLabels: LABELS,
      externalURL: BASE,
      alerts: [
        { status: 'firing', labels: LABELS, startsAt: '2026-03-01T11:00:00.000Z', endsAt: '0001-01-01T00:00:00Z' },
      ],
    })
    expect(over!.body).toMatchObject({
      status: 'resolved',
      alerts: [{ status: 'resolved', endsAt: '2026-03-01T12:00:00.000Z' }],
    })
    const keys = [first, again, over].map(one => one!.headers['idempotency-key'])
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(keys[1]).toBe(keys[0])
    expect(keys[2]).not.toBe(keys[0])
  })

  test('is signed, and the documented example accepts what is sent and rejects what was changed or is old', async () => {
    const secretFile = join(folder, 'secret')
    writeFileSync(secretFile, 'hush')
    await send(config('webhook', { secretFile }), notification({ summary: 'Größe ≠ 1' }))
    const [{ headers, text }] = receiver.received as [(typeof receiver.received)[number]]
    const verify = await documentedExample()
    const at = NOW / 1000
    expect(verify(headers, text, 'hush', at)).toBe(true)
    expect(verify(headers, `${text} `, 'hush', at)).toBe(false)
    expect(verify(headers, text, 'other', at)).toBe(false)
    expect(verify(headers, text, 'hush', at + 301)).toBe(false)
    expect(verify({}, text, 'hush', at)).toBe(false)
  })

  test('has the fingerprint that Alertmanager computes of the same labels', () => {
    // Of prometheus/common, model.LabelSet.Fingerprint: the second is that of {name="garland, briggs", fear="love is not enough"}.
    expect(fingerprint(new Map())).toBe('cbf29ce484222325')
    const labels = new Map([
      ['name', 'garland, briggs'],
      ['fear', 'love is not enough'],
    ])
    expect(fingerprint(labels)).toBe(BigInt('5799056148416392346').toString(16).padStart(16, '0'))
  })
})

type Verify = (headers: object, body: string, secret: string, nowSeconds: number) => boolean

/** The function in docs/notifications.md. */
async function documentedExample(): Promise<Verify> {
  const page = readFileSync(new URL('../../docs/notifications.md', import.meta.url), 'utf8')
  const code = /```js\n(import [\s\S]*?)```/.exec(page)![1]!
  const path = join(folder, 'verify.mjs')
  writeFileSync(path, code)
  return ((await import(path)) as { isGenuine: Verify }).isGenuine
}

describe('Slack', () => {
  const HOSTILE = '<!channel> *b* `c` <https://evil|x> & \u202Egnp\u0000\n:bomb:'

  test('receives blocks, and a text that can be read in a push notification', async () => {
    await send(config('slack'), notification(), notification({}, NOW))
    const [{ body }] = receiver.received as [(typeof receiver.received)[number]]
    expect(body.text).toBe(
      '🟠 The success rate of fixer fell from 90 % to 52 %.\n🟢 Resolved: The success rate of fixer fell from 90 % to 52 %.',
    )
    expect(body.blocks).toHaveLength(8)
    const shown = JSON.stringify(body.blocks)
    for (const part of [
      'AgentSuccessDrift',
      'team-a',
      'n = 120',
      'e-value 1,204',
      'At most one in 20',
      'since 2026-03-01T11:00',
    ])
      expect(shown).toContain(part)
  })

  test('shows a hostile name as it is: no mention, no link, no formatting, no other line', async () => {
    await send(config('slack'), notification({ summary: HOSTILE, labels: new Map([['agent_name', HOSTILE]]) }))
    const [{ body }] = receiver.received as [(typeof receiver.received)[number]]
    expect(body.mrkdwn).toBe(false)
    expect(body.text).toBe('🟠 &lt;!channel&gt; *b* `c` &lt;https://evil|x&gt; &amp; \uFFFDgnp\uFFFD\uFFFD:bomb:')
    const texts = (body.blocks as { text?: object; elements?: object[] }[]).flatMap(({ text, elements = [] }) => [
      ...(text === undefined ? [] : [text]),
      ...elements,
    ]) as { type: string; text: string; emoji?: boolean }[]
    for (const { type, text, emoji } of texts) {
      if (type === 'mrkdwn') expect(text).not.toContain('evil')
      else expect(emoji).toBe(false)
    }
  })

  test('gets messages within its limits, however long the texts and however many the alerts', async () => {
    const long = '\u{1F600}'.repeat(5000)
    const one = notification({ summary: long, evidence: long, falseAlarms: long })
    const [sink] = createSinks([config('slack')], { baseUrl: BASE, refreshMs: 1, write: () => undefined })
    await send(config('slack'), ...new Array<Notification>(sink!.maxBatch).fill(one))
    const [{ body }] = receiver.received as [(typeof receiver.received)[number]]
    expect(body.blocks.length).toBeLessThanOrEqual(50)
    expect(body.text.length).toBeLessThanOrEqual(4000)
    for (const { type, text } of body.blocks) {
      if (text === undefined) continue
      expect(text.text.length).toBeLessThanOrEqual(type === 'header' ? 150 : 3000)
      expect(text.text.isWellFormed()).toBe(true)
    }
  })

  test('whose URL is in a file is notified with the URL that the file holds now', async () => {
    const urlFile = join(folder, 'url')
    const sink = config('slack', { url: undefined, urlFile })
    writeFileSync(urlFile, 'ftp://nothing\n')
    expect(await send(sink, notification())).toEqual({
      status: 'retry',
      reason: `${urlFile} must be an http or https URL`,
    })
    writeFileSync(urlFile, `${receiver.url}/new\n`)
    expect(await send(sink, notification())).toEqual({ status: 'sent' })
    expect(receiver.received.map(({ path }) => path)).toEqual(['/new'])
  })
})

test('the log has one line per alert, in which a hostile name reads as it is', async () => {
  const lines: unknown[][] = []
  const write = (...line: unknown[]): void => void lines.push(line)
  const [sink] = createSinks([{ type: 'log', name: 'log' }], { baseUrl: BASE, refreshMs: 1, write })
  const hostile = notification({
    summary: 'a\n{"level":"fatal"}',
    labels: new Map([['agent_name', 'a\u202E\u001B[31m']]),
  })
  await sink!.send([hostile, notification({}, NOW)], { nowMs: NOW, signal: new AbortController().signal })
  expect(lines).toEqual([
    [
      'warn',
      expect.objectContaining({ alert: 'AgentSuccessDrift', labels: { ...LABELS, agent_name: 'a\uFFFD\uFFFD[31m' } }),
      'alert: a\uFFFD{"level":"fatal"}',
    ],
    [
      'info',
      expect.objectContaining({ ended: '2026-03-01T12:00:00.000Z' }),
      expect.stringMatching(/^alert resolved: /),
    ],
  ])
})

test('a sink that never answers is said to be silent, with what to check, and is tried again', async () => {
  receiver.answer = undefined
  const [sink] = createSinks([config('webhook')], { baseUrl: BASE, refreshMs: 1, write: () => undefined })
  // The time-out of the request, sooner.
  const signal = AbortSignal.timeout(100)
  expect(await sink!.send([notification()], { nowMs: NOW, signal })).toEqual({
    status: 'retry',
    reason: 'no answer within 10 s',
    remedy: expect.stringContaining('check the host and the port in the URL'),
  })
})

describe('an answer', () => {
  test.for([
    [200, {}, { status: 'sent' }],
    [400, {}, { status: 'refused', reason: '400 no such channel' }],
    [413, {}, { status: 'refused', reason: '413 no such channel' }],
    [422, {}, { status: 'refused', reason: '422 no such channel' }],
    // The address or the token is wrong, not the notification: it is kept until that is fixed.
    [
      302,
      { Location: 'http://127.0.0.1:1/' },
      { status: 'retry', reason: '302: redirects are not followed', remedy: expect.stringContaining('redirects to') },
    ],
    [401, {}, { status: 'retry', reason: '401 no such channel', remedy: expect.stringContaining('token_file') }],
    [
      403,
      {},
      { status: 'retry', reason: '403 no such channel', remedy: expect.stringContaining('rights of the token') },
    ],
    [
      404,
      {},
      { status: 'retry', reason: '404 no such channel', remedy: expect.stringContaining('without /api/v2/alerts') },
    ],
    [410, {}, { status: 'retry', reason: '410 no such channel', remedy: expect.stringContaining('create another') }],
    [
      429,
      { 'Retry-After': '7' },
      { status: 'retry', reason: '429 no such channel', remedy: expect.stringContaining('rate'), afterMs: 7000 },
    ],
    [503, {}, { status: 'retry', reason: '503 no such channel', afterMs: undefined }],
    [503, { 'Retry-After': '999999' }, { status: 'retry', reason: '503 no such channel', afterMs: 3_600_000 }],
  ] as const)('%i with %o is treated as %o', async ([status, headers, result]) => {
    receiver.answer = { status, headers, text: 'no such\u0000channel'.replace('\u0000', ' ') }
    expect(await send(config('webhook'), notification())).toEqual(result)
    expect(receiver.received).toHaveLength(1)
  })

  test('that does not come is waited for until the sidecar stops', async () => {
    receiver.answer = undefined
    const [sink] = createSinks([config('webhook')], { baseUrl: BASE, refreshMs: 1, write: () => undefined })
    const stop = new AbortController()
    const sending = sink!.send([notification()], { nowMs: NOW, signal: stop.signal })
    await expect.poll(() => receiver.received.length).toBe(1)
    stop.abort()
    expect(await sending).toMatchObject({ status: 'retry' })
  })
})

test('a proxy of the environment is not used, and a name of a private address is not connected to', async () => {
  process.env.HTTP_PROXY = 'http://127.0.0.1:1'
  try {
    expect(await send(config('webhook'), notification())).toEqual({ status: 'sent' })
    expect(await send(config('webhook', { url: `http://localhost:${receiver.port}/` }), notification())).toEqual({
      status: 'sent',
    })
  } finally {
    delete process.env.HTTP_PROXY
  }
})
