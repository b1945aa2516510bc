/** The loop over engines on a memory log, with clocks and sinks of the test. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Alert } from '../../src/core/alerts/alert.ts'
import type { Notification } from '../../src/notify/notification.ts'
import { createNotifier, type Notifier, type NotifierOptions } from '../../src/notify/notifier.ts'
import { MAX_EPISODES } from '../../src/notify/plan.ts'
import type { SendResult, Sink } from '../../src/notify/sink.ts'
import type { Engine } from '../../src/store/engine/engine.ts'
import { NOW, openOn } from '../store/engine/engines.ts'
import { createMemoryServer, type MemoryServer } from '../store/memory-log.ts'
import { anAlert } from '../support/alerts.ts'

const INTERVAL = 30_000
/** How long a lease lasts. */
const LEASE = 4 * INTERVAL

interface FakeSink extends Sink {
  /** `firing RULE` or `resolved RULE`, and the ids of requests. */
  readonly notified: string[]
  readonly keys: string[]
  /** The result of later requests. A function runs after the sink received one. */
  result: SendResult | (() => Promise<SendResult>)
}

function fakeSink(name = 'ops', more: Partial<Sink> = {}): FakeSink {
  const sink: FakeSink = {
    name,
    type: 'webhook',
    maxBatch: 1,
    isRefreshed: false,
    notified: [],
    keys: [],
    result: { status: 'sent' },
    async send(notifications: readonly Notification[]) {
      sink.notified.push(...notifications.map(({ status, alert }) => `${status} ${alert.rule}`))
      sink.keys.push(...notifications.map(({ key }) => key))
      return typeof sink.result === 'function' ? await sink.result() : sink.result
    },
    ...more,
  }
  return sink
}

let server: MemoryServer
let time: { nowMs: number; monotonicMs: number }
let firing: readonly Alert[]
const closing: (() => Promise<unknown>)[] = []
const lines: string[] = []

beforeEach(() => {
  server = createMemoryServer()
  time = { nowMs: NOW, monotonicMs: 0 }
  firing = []
  lines.length = 0
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const pass = (ms: number): void => {
  time.nowMs += ms
  time.monotonicMs += ms
}

const openStore = async (): Promise<Engine> => {
  const engine = await openOn(server.open(), { clock: () => time.nowMs })
  closing.push(() => engine.close())
  return engine
}

function notifierOf(
  engine: Pick<Engine, 'alerts'>,
  sinks: readonly Sink[],
  more: Partial<NotifierOptions> = {},
): Notifier {
  const write = (_fields: object, message?: string): void => void lines.push(message ?? '')
  return createNotifier({
    evaluate: async () => firing,
    isMuted: () => false,
    alerts: engine.alerts,
    sinks,
    baseUrl: 'http://127.0.0.1:9464/',
    intervalMs: INTERVAL,
    repeatMs: undefined,
    log: { info: write, warn: write } as never,
    clock: () => time.nowMs,
    monotonic: () => time.monotonicMs,
    random: () => 0,
    pause: async () => undefined,
    ...more,
  })
}

async function tick(...notifiers: readonly Notifier[]): Promise<void> {
  for (const notifier of notifiers) {
    await notifier.tick()
    await notifier.idle()
  }
}

describe('an alert', () => {
  test('is sent once while it fires, and its resolution once', async () => {
    const sink = fakeSink()
    const engine = await openStore()
    const notifier = notifierOf(engine, [sink])
    firing = [anAlert('Slow')]
    for (let i = 0; i < 5; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified).toEqual(['firing Slow'])
    firing = []
    for (let i = 0; i < 5; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified).toEqual(['firing Slow', 'resolved Slow'])
    expect(engine.alerts.state.episodes.size).toBe(0)
    expect(notifier.facts.counts.get('ops')).toEqual({ sent: 2, failed: 0, dropped: 0 })
  })

  test('is sent again only after the time that the operator asks for', async () => {
    const sink = fakeSink()
    const notifier = notifierOf(await openStore(), [sink], { repeatMs: 4 * 3_600_000 })
    firing = [anAlert('Slow')]
    for (const ms of [0, 4 * 3_600_000 - 1, 1, 4 * 3_600_000 - 1, 1]) {
      pass(ms)
      await tick(notifier)
    }
    expect(sink.notified).toEqual(['firing Slow', 'firing Slow', 'firing Slow'])
    expect(new Set(sink.keys).size).toBe(3)
  })

  test('that is muted is not sent until the mute ends, and one that was sent before still ends', async () => {
    const sink = fakeSink()
    let muted = new Set(['Muted'])
    const engine = await openStore()
    const notifier = notifierOf(engine, [sink], { isMuted: ({ rule }) => muted.has(rule) })
    firing = [anAlert('Muted'), anAlert('Loud')]
    await tick(notifier)
    expect(sink.notified).toEqual(['firing Loud'])
    // An alert that never is sent has no end to send.
    expect(engine.alerts.state.episodes.size).toBe(1)
    muted = new Set(['Loud'])
    await tick(notifier)
    firing = [anAlert('Muted')]
    await tick(notifier)
    expect(sink.notified).toEqual(['firing Loud', 'firing Muted', 'resolved Loud'])
  })

  test('is not repeated while it is muted', async () => {
    const sink = fakeSink()
    let isMuted = false
    const notifier = notifierOf(await openStore(), [sink], { repeatMs: 60_000, isMuted: () => isMuted })
    firing = [anAlert('Slow')]
    await tick(notifier)
    isMuted = true
    pass(60_000)
    await tick(notifier)
    expect(sink.notified).toEqual(['firing Slow'])
    isMuted = false
    await tick(notifier)
    expect(sink.notified).toEqual(['firing Slow', 'firing Slow'])
  })

  test('that could not be evaluated is not resolved', async () => {
    const sink = fakeSink()
    let fails = false
    const evaluate = async (): Promise<readonly Alert[]> => {
      if (fails) throw new Error('too many keys')
      return firing
    }
    const notifier = notifierOf(await openStore(), [sink], { evaluate })
    firing = [anAlert('Slow')]
    await tick(notifier)
    fails = true
    await tick(notifier, notifier)
    expect(sink.notified).toEqual(['firing Slow'])
    expect(lines).toEqual(['alerts cannot be evaluated or recorded: it is tried again'])
  })
})

/** A process that is killed: its store is gone with what it did not append, and no promise of it continues. */
const NEVER = new Promise<never>(() => undefined)

describe('after a kill', () => {
  test('between request and record, a webhook is notified once more, with the same id', async () => {
    const sink = fakeSink()
    sink.result = () => NEVER
    firing = [anAlert('Slow')]
    await notifierOf(await openStore(), [sink]).tick()
    await expect.poll(() => sink.notified.length).toBe(1)
    sink.result = { status: 'sent' }
    pass(3 * LEASE)
    const next = notifierOf(await openStore(), [sink])
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(next)
    expect(sink.notified).toEqual(['firing Slow', 'firing Slow'])
    expect(sink.keys[1]).toBe(sink.keys[0])
  })

  test('an end is sent that came while no sidecar ran, also to a sink whose answer was lost', async () => {
    const [ops, other] = [fakeSink('ops'), fakeSink('other')]
    other.result = () => NEVER
    firing = [anAlert('Slow')]
    const first = notifierOf(await openStore(), [ops, other])
    await first.tick()
    await expect.poll(() => [...ops.notified, ...other.notified]).toHaveLength(2)
    other.result = { status: 'sent' }
    firing = []
    pass(3 * LEASE)
    const next = notifierOf(await openStore(), [ops, other])
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(next)
    expect([ops.notified, other.notified]).toEqual([
      ['firing Slow', 'resolved Slow'],
      ['firing Slow', 'resolved Slow'],
    ])
  })

  test('at each append, every sink receives every beginning and end, and none more than once again', async () => {
    for (let failing = 1; (await killedAt(failing)) === 'killed'; failing++) expect(failing).toBeLessThan(30)
  })

  /** Kills a sidecar at its append number `failing`. `ended` if it makes fewer. */
  async function killedAt(failing: number): Promise<'killed' | 'ended'> {
    server = createMemoryServer()
    const sinks = [fakeSink('ops'), fakeSink('other')]
    const killed = Promise.withResolvers<'killed'>()
    let appends = 0
    const doomed = await openStore()
    server.fault = () => {
      if (++appends < failing) return undefined
      killed.resolve('killed')
      return { hold: NEVER }
    }
    const outcome = await Promise.race([killed.promise, live(doomed, sinks)])
    if (outcome === 'ended') return outcome
    server.fault = undefined
    // It can never be closed.
    closing.pop()
    pass(3 * LEASE)
    firing = []
    const next = notifierOf(await openStore(), sinks)
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(next)
    for (const { notified } of sinks) for (const rule of ['A', 'B']) expectWhole(notified, rule)
    return outcome
  }

  /** Its alerts and its log are its own: it goes on when its appends time out, as a process that was killed does not. */
  async function live(engine: Engine, sinks: readonly Sink[]): Promise<'ended'> {
    let found = [anAlert('A'), anAlert('B')]
    const log = { info() {}, warn() {} } as never
    const notifier = notifierOf(engine, sinks, { evaluate: async () => found, log })
    await tick(notifier)
    found = [anAlert('B')]
    await tick(notifier)
    return 'ended'
  }

  function expectWhole(notified: readonly string[], rule: string): void {
    const [begun, ended] = ['firing', 'resolved'].map(
      status => notified.filter(one => one === `${status} ${rule}`).length,
    )
    expect(begun).toBeLessThanOrEqual(2)
    expect(ended).toBeLessThanOrEqual(2)
    if (begun! > 0) expect(notified.findLast(one => one.endsWith(rule))).toBe(`resolved ${rule}`)
  }
})

describe('of two sidecars on one store', () => {
  async function two(): Promise<{ a: Notifier; b: Notifier; sinks: [FakeSink, FakeSink]; engines: [Engine, Engine] }> {
    const sinks: [FakeSink, FakeSink] = [fakeSink(), fakeSink()]
    const engines: [Engine, Engine] = [await openStore(), await openStore()]
    const [a, b] = engines.map((engine, i) => notifierOf(engine, [sinks[i]!])) as [Notifier, Notifier]
    return { a, b, sinks, engines }
  }

  /** Ticks of both, each of which has read the log before. */
  async function both({ a, b, engines }: Awaited<ReturnType<typeof two>>, ticks: number): Promise<void> {
    for (let i = 0; i < ticks; i++, pass(INTERVAL)) {
      await Promise.all(engines.map(engine => engine.follow()))
      await Promise.all([tick(a), tick(b)])
    }
  }

  test('one notifies, although both evaluate at the same time', async () => {
    const pair = await two()
    firing = [anAlert('A'), anAlert('B')]
    await both(pair, 3)
    firing = [anAlert('B')]
    await both(pair, 3)
    const notified = pair.sinks.flatMap(sink => sink.notified).sort()
    expect(notified).toEqual(['firing A', 'firing B', 'resolved A'])
  })

  test('the other takes over when one dies, after the lease has ended, and sends what was not sent', async () => {
    const pair = await two()
    const { a, b, sinks, engines } = pair
    firing = [anAlert('A')]
    await tick(a)
    sinks[0].result = () => NEVER
    firing = [anAlert('A'), anAlert('B')]
    pass(INTERVAL)
    await a.tick()
    await expect.poll(() => sinks[0].notified).toEqual(['firing A', 'firing B'])
    // From here on, a is dead.
    let untilMs = 0
    for (; sinks[1].notified.length === 0 && untilMs < 10 * LEASE; untilMs += INTERVAL) {
      await engines[1].follow()
      await tick(b)
      pass(INTERVAL)
    }
    expect(sinks[1].notified).toEqual(['firing B'])
    expect(sinks[1].keys[0]).toBe(sinks[0].keys[1])
    expect(untilMs).toBeGreaterThanOrEqual(LEASE)
    expect(untilMs).toBeLessThanOrEqual(LEASE + 2 * INTERVAL)
  })

  test('the other goes on at once when one is stopped', async () => {
    const { a, b, sinks, engines } = await two()
    firing = [anAlert('A')]
    await tick(a)
    await a.close()
    firing = []
    await engines[1].follow()
    await tick(b)
    expect(sinks.map(({ notified }) => notified)).toEqual([['firing A'], ['resolved A']])
  })

  test('a jump of a clock takes nothing over from a holder that runs', async () => {
    const { a, sinks, engines } = await two()
    firing = [anAlert('A')]
    await tick(a)
    await engines[1].follow()
    const ahead = notifierOf(engines[1], [sinks[1]], { clock: () => time.nowMs })
    await tick(ahead)
    time.nowMs += 3_600_000
    firing = [anAlert('A'), anAlert('B')]
    await tick(ahead)
    expect(sinks[1].notified).toEqual([])
    await tick(a)
    expect(sinks[0].notified).toEqual(['firing A', 'firing B'])
  })

  test('nothing is recorded while nothing fires', async () => {
    const pair = await two()
    await both(pair, 5)
    const before = server.groups.length
    await both(pair, 20)
    expect(server.groups.length).toBe(before)
  })
})

describe('a sink', () => {
  test('that is down delays no other, and is sent the newest state when it is back', async () => {
    const [down, up] = [fakeSink('down'), fakeSink('up')]
    const waits: number[] = []
    const back = Promise.withResolvers<void>()
    down.result = { status: 'retry', reason: '503' }
    const pause = async (ms: number): Promise<void> => {
      waits.push(ms)
      if (waits.length === 12) await back.promise
    }
    const notifier = notifierOf(await openStore(), [down, up], { pause })
    firing = [anAlert('A'), anAlert('B')]
    await notifier.tick()
    await expect.poll(() => up.notified).toEqual(['firing A', 'firing B'])
    await expect.poll(() => waits.length).toBe(12)
    // With the smallest jitter: half of 1, 2, 4 … seconds, up to five minutes.
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000, 150_000])
    expect(notifier.facts.pending()).toEqual(
      new Map([
        ['down', 2],
        ['up', 0],
      ]),
    )
    firing = [anAlert('B')]
    await notifier.tick()
    down.notified.length = 0
    down.result = { status: 'sent' }
    back.resolve()
    await notifier.idle()
    expect(down.notified).toEqual(['resolved A', 'firing B'])
    expect(lines.filter(line => line.includes('sink'))).toEqual([
      'the sink does not accept notifications: they are tried again',
      'the sink accepts notifications again',
    ])
  })

  test('that asks for a longer wait gets it', async () => {
    const sink = fakeSink()
    const waits: number[] = []
    sink.result = { status: 'retry', reason: '429', afterMs: 90_000 }
    const notifier = notifierOf(await openStore(), [sink], {
      pause: async ms => {
        waits.push(ms)
        sink.result = { status: 'sent' }
      },
    })
    firing = [anAlert('A')]
    await tick(notifier)
    expect([waits, sink.notified]).toEqual([[90_000], ['firing A', 'firing A']])
  })

  test('that refuses a notification does not receive it again, and the log says so once', async () => {
    const sink = fakeSink()
    sink.result = { status: 'refused', reason: '404' }
    const notifier = notifierOf(await openStore(), [sink])
    firing = [anAlert('A'), anAlert('B')]
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified).toEqual(['firing A', 'firing B'])
    expect(notifier.facts.counts.get('ops')).toEqual({ sent: 0, failed: 2, dropped: 0 })
    expect(lines).toEqual(['the sink refuses notifications: they are not sent again'])
  })

  test('that refuses one of several gets the others', async () => {
    const sink = fakeSink('ops', { maxBatch: 10 })
    const { send } = sink
    const isBad = ({ alert }: Notification): boolean => alert.rule === 'B'
    const picky: Sink = {
      ...sink,
      send: (some, context) =>
        some.some(isBad) ? Promise.resolve({ status: 'refused', reason: '400' }) : send(some, context),
    }
    const notifier = notifierOf(await openStore(), [picky])
    firing = ['A', 'B', 'C'].map(rule => anAlert(rule))
    await tick(notifier)
    expect(sink.notified).toEqual(['firing A', 'firing C'])
  })

  test('that forgets alerts is sent the firing ones again each minute, and nothing is recorded of it', async () => {
    const sink = fakeSink('am', { isRefreshed: true, maxBatch: 64 })
    const engine = await openStore()
    const notifier = notifierOf({ alerts: { ...engine.alerts, writer: undefined } }, [sink])
    firing = [anAlert('A'), anAlert('B')]
    for (let i = 0; i < 9; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified.filter(one => one === 'firing A')).toHaveLength(5)
    expect(server.groups.length).toBeLessThanOrEqual(4)
    firing = []
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified.slice(-2)).toEqual(['resolved A', 'resolved B'])
  })

  test('that is removed from the settings is forgotten after a day, and one that fails after a week', async () => {
    const [removed, failing] = [fakeSink('removed'), fakeSink('failing')]
    const engine = await openStore()
    firing = [anAlert('A')]
    const before = notifierOf(engine, [removed, failing])
    await tick(before)
    await before.close()
    firing = []
    failing.result = { status: 'retry', reason: '503' }
    const hang = (): Promise<void> => NEVER
    const after = notifierOf(engine, [failing], { pause: hang })
    const DAY = 86_400_000
    const left: number[] = []
    for (const ms of [0, DAY - 1, 1, 6 * DAY - 1, 1]) {
      pass(ms)
      await after.tick()
      left.push([...engine.alerts.state.episodes.values()][0]?.sinks.size ?? 0)
    }
    expect(left).toEqual([2, 2, 1, 1, 0])
    expect(removed.notified).toEqual(['firing A'])
  })
})

describe('while the store is away', () => {
  test('its own failure is sent from memory, once, and its end; nothing else is, and nothing is lost', async () => {
    const sink = fakeSink()
    const engine = await openStore()
    const notifier = notifierOf(engine, [sink])
    server.fault = () => 'refuse'
    firing = [anAlert('Slow'), anAlert('SidecarStoreFailing')]
    for (let i = 0; i < 3; i++, pass(INTERVAL)) await tick(notifier)
    expect(sink.notified).toEqual(['firing SidecarStoreFailing'])
    server.fault = undefined
    firing = [anAlert('Slow')]
    await expect
      .poll(async () => {
        pass(INTERVAL)
        await tick(notifier)
        return [...sink.notified].sort()
      })
      .toEqual(['firing SidecarStoreFailing', 'firing Slow', 'resolved SidecarStoreFailing'])
    expect([...engine.alerts.state.episodes.values()].map(({ alert }) => alert.rule)).toEqual(['Slow'])
  })

  test('what was sent and could not be recorded is recorded later, and not sent again', async () => {
    const sink = fakeSink()
    const engine = await openStore()
    const notifier = notifierOf(engine, [sink])
    sink.result = async () => {
      server.fault = () => 'refuse'
      return { status: 'sent' }
    }
    firing = [anAlert('Slow')]
    await tick(notifier)
    server.fault = undefined
    sink.result = { status: 'sent' }
    const notifiedMs = (): number | undefined => [...engine.alerts.state.episodes.values()][0]?.sinks.get('ops')
    await expect
      .poll(async () => {
        pass(INTERVAL)
        await tick(notifier)
        return notifiedMs()
      })
      .toBeGreaterThan(0)
    expect(sink.notified).toEqual(['firing Slow'])
  })
})

test('more alerts than are sent are counted, and the first ones are sent', async () => {
  const sink = fakeSink('ops', { maxBatch: 200 })
  const notifier = notifierOf(await openStore(), [sink])
  firing = Array.from({ length: MAX_EPISODES + 3 }, (_, i) =>
    anAlert('Slow', { labels: new Map([['agent_name', `${i}`]]) }),
  )
  await tick(notifier)
  await tick(notifier)
  expect(sink.notified).toHaveLength(MAX_EPISODES)
  expect(notifier.facts.counts.get('ops')).toEqual({ sent: MAX_EPISODES, failed: 0, dropped: 3 })
  expect(lines).toEqual(['more alerts fire than are sent: see /api/v1/alerts for all of them'])
})

test('closing does not wait for a sink that does not answer, and what it did not receive is sent after the next start', async () => {
  const sink = fakeSink()
  const engine = await openStore()
  const hanging: Sink = {
    ...sink,
    send: (some, { signal }) => {
      void sink.send(some, { nowMs: 0, signal })
      return new Promise(resolve => signal.addEventListener('abort', () => resolve({ status: 'retry', reason: '' })))
    },
  }
  const notifier = notifierOf(engine, [hanging])
  firing = [anAlert('Slow')]
  await notifier.tick()
  await expect.poll(() => sink.notified.length).toBe(1)
  const fromMs = performance.now()
  await notifier.close()
  expect(performance.now() - fromMs).toBeLessThan(10_000)
  await tick(notifierOf(engine, [sink]))
  expect(sink.notified).toEqual(['firing Slow', 'firing Slow'])
})
