/** Simulates drift in the cases that users meet: new issue types, a changing mix, late attempts, several changes, many keys. */
import { driftSteps } from '../../../src/core/reports/drift-report.ts'
import { watchAgent, watchKey } from '../../../src/core/reports/drift-watch.ts'
import { createRandom, type Random } from '../../../src/core/statistics/random.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { falseAlarms, type Look, report } from './false-alarms.ts'
import { listed, median, percent, type Simulation, sumOf } from './simulation.ts'
import { createWatched, type Watched } from './watched.ts'

/** A run of agent a, whose attempt n is at the issue type and rate that `draw` returns. An alarm from the `before` attempts is not counted. */
function agentRun(
  random: Random,
  before: number,
  draw: (n: number) => readonly [issue: string, rate: number],
): { next(n: number): void; readonly look: Look } {
  const watched = createWatched()
  const next = (n: number): void => {
    const [issue, rate] = draw(n)
    watched.attempt('a', issue, random() < rate)
  }
  for (let n = 1; n <= before; n++) next(n)
  let isEarlier = true
  function look(): ReturnType<Look> {
    const direction = watchAgent(watched.keys('a'), 1)?.direction
    if (direction === 'none') isEarlier = false
    return isEarlier ? 'none' : direction
  }
  if (before === 0) isEarlier = false
  return { next: n => next(before + n), look }
}

/** Names of issue types that come one after the other, each with a rate of its own. */
function newTypes(random: Random, every: number): (n: number) => readonly [string, number] {
  const rates = new Map<number, number>()
  return n => {
    const latest = Math.floor(n / every)
    const type = Math.floor(random() * (latest + 1))
    if (!rates.has(type)) rates.set(type, 0.05 + 0.94 * random())
    return [`type ${type}`, rates.get(type)!]
  }
}

const MAX_DELAY = 400

/** Attempts until each of several numbers of keys sees the fall of one key, at most {@link MAX_DELAY}. */
function delays(
  random: Random,
  before: number,
  [rate, to]: readonly [number, number],
  keys: readonly number[],
): number[] {
  const watched = createWatched()
  for (let n = 0; n < before; n++) watched.attempt('a', 'i', random() < rate)
  const found = keys.map(() => MAX_DELAY)
  for (let n = 1; n < MAX_DELAY && found.includes(MAX_DELAY); n++) {
    watched.attempt('a', 'i', random() < to)
    for (const [i, count] of keys.entries()) {
      if (found[i] === MAX_DELAY && watchKey(watched.keys()[0]!, count)?.direction === 'down') found[i] = n
    }
  }
  return found
}

function falls(rates: readonly [number, number], before: number, runs: number): number[][] {
  const random = createRandom(`falls ${rates}`)
  return Array.from({ length: runs }, () => delays(random, before, rates, [1, 10, 200]))
}

/** The share of `runs` keys, each with these numbers of attempts and rates, that end with this direction. */
function sharesOf(runs: number, parts: readonly (readonly [attempts: number, rate: number])[]): Record<string, number> {
  const random = createRandom(`parts ${parts}`)
  const ends: Record<'down' | 'up' | 'none', number> = { down: 0, up: 0, none: 0 }
  for (let i = 0; i < runs; i++) {
    const watched = createWatched()
    for (const [attempts, rate] of parts) for (let n = 0; n < attempts; n++) watched.attempt('a', 'i', random() < rate)
    ends[watchKey(watched.keys()[0]!, 1)!.direction] += 1 / runs
  }
  return ends
}

/** A key whose attempts arrive up to `late` attempts late. 100 of every 400 are back-filled history of any earlier time. */
function lateRun(random: Random, rate: number, most: number): { next(n: number): void; readonly look: Look } {
  const watched = createWatched()
  return {
    next(n) {
      const late = Math.floor(random() * (n % 400 < 100 ? 100_000 : most))
      watched.attemptAt(100_000 + n - late, 'a', 'i', random() < rate)
    },
    look: () => watchKey(watched.keys()[0]!, 1)?.direction,
  }
}

/** 200 keys with rates of 5 to 99 %, of which the first `fallen` fall after 500 attempts. Looks every tenth attempt for 400 more. */
function manyKeys(random: Random, fallen: number) {
  const watched: Watched = createWatched()
  const rates = Array.from({ length: 200 }, (_, key) => (key < fallen ? 0.6 : 0.05 + 0.94 * random()))
  const attempt = (key: number, rate: number): void => watched.attempt('a', `type ${key}`, random() < rate)
  for (let n = 0; n < 500; n++) for (const [key, rate] of rates.entries()) attempt(key, rate)
  const seenAfter = new Map<string, number>()
  const falseNames = new Set<string>()
  let [reported, wrong] = [0, 0]
  for (let n = 1; n <= 400; n++) {
    for (const [key, rate] of rates.entries()) attempt(key, key < fallen ? 0.4 : rate)
    if (n % 10 !== 0) continue
    for (const { issue_type, direction } of runToCompletion(driftSteps(watched.keys())).drifted_keys) {
      reported++
      if (Number(issue_type.slice(5)) < fallen && direction === 'down') {
        if (!seenAfter.has(issue_type)) seenAfter.set(issue_type, n)
      } else {
        wrong++
        falseNames.add(issue_type)
      }
    }
  }
  const delay = Array.from({ length: fallen }, (_, key) => seenAfter.get(`type ${key}`) ?? MAX_DELAY)
  return { reported, wrong, falseKeys: falseNames.size, delay, unseen: fallen - seenAfter.size }
}

export const driftCaseSimulations: readonly Simulation[] = [
  {
    name: 'drift of an agent that meets a new issue type every 100 attempts, of 5 to 99 %',
    promise:
      'at most one false alarm in 2,000 attempts in each direction, checked after every fifth: a new type is learned first',
    run() {
      const random = createRandom('new types')
      return report(
        falseAlarms({ runs: 20, length: 1500, every: 5 }, () => agentRun(random, 0, newTypes(random, 100))),
        2000,
      )
    },
  },
  ...(
    [
      [0.9, 0.4],
      [0.4, 0.9],
    ] as const
  ).map(
    ([rate, other]): Simulation => ({
      name: `drift of an agent at ${percent(rate, 0)}, nine of whose 500 attempts were at a type of ${percent(other, 0)} that becomes its main work`,
      promise: 'at most one false alarm in 2,000 attempts in each direction, checked after every attempt',
      run() {
        const random = createRandom(`nine ${rate}`)
        const draw = (n: number): readonly [string, number] =>
          n > 500 || n % 55 === 0 ? ['rare', other] : ['usual', rate]
        return report(
          falseAlarms({ runs: 60, length: 300 }, () => agentRun(random, 500, draw)),
          2000,
        )
      },
    }),
  ),
  ...(
    [
      [0.5, 10],
      [0.9, 10],
      [0.5, 50],
    ] as const
  ).map(
    ([rate, late]): Simulation => ({
      name: `drift of a key with a constant rate of ${percent(rate, 0)}, whose attempts arrive up to ${late} attempts late, and a quarter as back-filled history`,
      promise: 'at most one false alarm in 2,000 attempts in each direction, checked after every second',
      run() {
        const random = createRandom(`late ${rate}`)
        return report(
          falseAlarms({ runs: 25, length: 2000, every: 2 }, () => lateRun(random, rate, late)),
          2000,
        )
      },
    }),
  ),
  {
    name: 'drift of a key that falls from 90 % to 70 % after 1,000 attempts, among 1, 10 and 200 keys',
    promise: 'half of the alarms come within 31, 48 and 76 attempts',
    run() {
      const all = falls([0.9, 0.7], 1000, 301)
      const medians = [0, 1, 2].map(i => median(all.map(one => one[i]!)))
      const keys = ['1 key', '10 keys', '200 keys']
      return {
        measured: listed(keys.map((name, i) => [name, `median ${medians[i]} attempts`])),
        holds: medians[0]! <= 31 && medians[1]! <= 48 && medians[2]! <= 76,
      }
    },
  },
  {
    name: 'drift of a key that falls from 60 % to 40 % after 500 attempts, among 200 keys',
    promise: 'at most 10 % of the falls are unseen after 400 attempts',
    run() {
      const unseen = falls([0.6, 0.4], 500, 200).filter(one => one[2] === MAX_DELAY).length / 200
      return { measured: percent(unseen), holds: unseen <= 0.1 }
    },
  },
  {
    name: 'drift of 200 keys, 20 of which fall from 60 % to 40 %, checked after every tenth attempt of each',
    promise:
      'at most 10 % of the keys reported have not fallen, and at most 10 % of the falls are unseen after 400 attempts',
    run() {
      const random = createRandom('many')
      const all = Array.from({ length: 3 }, () => manyKeys(random, 20))
      const unseen = sumOf(all.map(one => one.unseen)) / 60
      const wrong = sumOf(all.map(one => one.wrong)) / sumOf(all.map(one => one.reported))
      return {
        measured: listed([
          ['reported, not fallen', percent(wrong)],
          ['unseen', percent(unseen)],
          ['median delay', `${median(all.flatMap(one => one.delay))} attempts`],
        ]),
        holds: unseen <= 0.1 && wrong <= 0.1,
      }
    },
  },
  {
    name: 'drift of 200 keys with constant rates of 5 to 99 %, checked after every tenth of 400 attempts of each',
    promise: 'together at most one false alarm in 2,000 attempts of each, in each direction',
    run() {
      const random = createRandom('many constant')
      const keys = sumOf(Array.from({ length: 4 }, () => manyKeys(random, 0).falseKeys))
      return { measured: `${keys} in ${4 * 400} attempts of each`, holds: keys <= 2 }
    },
  },
  {
    name: 'drift of a key with 1,000 attempts at 50 %, 1,000 at 90 % and 100 at 70 %',
    promise: 'is down in at least 95 % of cases, and never up: the baseline is recent history',
    run() {
      const { down, up } = sharesOf(200, [
        [1000, 0.5],
        [1000, 0.9],
        [100, 0.7],
      ])
      return { measured: `down ${percent(down!)}, up ${percent(up!)}`, holds: down! >= 0.95 && up! === 0 }
    },
  },
  {
    name: 'drift of a key that falls from 90 % to 60 %, and after 500 attempts from 60 % to 30 %',
    promise: 'is down after 80 attempts at each fall in at least 95 % of cases: the detector re-arms',
    run() {
      const first = sharesOf(100, [
        [500, 0.9],
        [80, 0.6],
      ]).down!
      const between = sharesOf(100, [
        [500, 0.9],
        [500, 0.6],
      ]).none!
      const second = sharesOf(100, [
        [500, 0.9],
        [500, 0.6],
        [80, 0.3],
      ]).down!
      return {
        measured: `first fall ${percent(first)}, no drift between ${percent(between)}, second fall ${percent(second)}`,
        holds: first >= 0.95 && between >= 0.9 && second >= 0.95,
      }
    },
  },
]
