/** The statistics commands: over HTTP and on a store, as text and as JSON. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/command/table.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { type FakeAnswer, startFakeSidecar } from './fake-sidecar.ts'
import { type Outcome, runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'statistics-'))
const store = join(folder, 'a.json')
const LONG = 'エージェント👩‍💻'.repeat(8)
let sidecar: TestSidecar

/** `count` attempts, of which the first `good` succeed, an hour apart from 2026-01-01 on. */
const attempts = (good: number, count: number, more: Record<string, unknown>): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) =>
    anAttempt({
      success: i < good,
      timestamp: new Date(Date.UTC(2026, 0, 1, i)).toISOString(),
      time_seconds: 2,
      ...more,
    }),
  )
const key = (agent_name: string, model_name: string, issue_type: string) => ({ agent_name, model_name, issue_type })

/** Simpson's paradox: "careful" is better at both, and has the lower rate because it gets the hard ones. */
const SIMPSON = [
  ...attempts(19, 20, key('a', 'careful', 'easy')),
  ...attempts(60, 100, key('a', 'careful', 'hard')),
  ...attempts(85, 100, key('a', 'hasty', 'easy')),
  ...attempts(4, 20, key('a', 'hasty', 'hard')),
]
const ATTEMPTS = [
  ...SIMPSON,
  ...attempts(60, 100, { ...key('sure', 'm', 'doc'), confidence: 0.95 }),
  ...attempts(40, 80, { ...key('honest', 'm', 'doc'), confidence: 0.5, cost_usd: 0.02 }),
  ...attempts(50, 60, { ...key('c', 'm', 'x'), experiment: 'prompt', variant: 'new' }),
  ...attempts(20, 60, { ...key('c', 'm', 'x'), experiment: 'prompt', variant: 'old' }),
  ...attempts(5, 10, { ...key('c', 'm', 'x'), experiment: 'few', variant: 'one' }),
  ...attempts(6, 10, { ...key('c', 'm', 'x'), experiment: 'few', variant: 'two' }),
  ...attempts(30, 300, { ...key('c', 'm', 'x'), experiment: 'uneven', variant: 'one' }),
  ...attempts(6, 10, { ...key('c', 'm', 'x'), experiment: 'uneven', variant: 'two' }),
  ...attempts(1, 1, { ...key('c', 'm', 'x'), experiment: 'lonely', variant: 'one' }),
  ...attempts(1, 2, key(LONG, LONG, 'doc')),
]

beforeAll(async () => {
  sidecar = await testSidecar()
  expect((await sidecar.post(ATTEMPTS)).status).toBe(200)
  const stdin = ATTEMPTS.map(one => `${JSON.stringify(one)}\n`).join('')
  expect((await runCommand(['import', '-', '--store', store], { stdin })).exitCode).toBe(0)
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const ask = (...argv: string[]): Promise<Outcome> => runCommand([...argv, '--url', sidecar.url])
const lineWith = (text: string, part: string): string => text.split('\n').find(line => line.includes(part)) ?? ''
/** Joins the lines of a text, because sentences may be wrapped anywhere. */
const flowing = (text: string): string => text.replace(/\s+/g, ' ')

describe('a sidecar and a store', () => {
  test.each([
    'trends',
    'trends --interval 7d --agent-name sure',
    'calibration',
    'calibration --group-by key --issue-type doc',
    'costs --until 2026-01-02T00:00:00Z',
    'experiment prompt --baseline old',
    // With an end: a range up to now is another one a minute later.
    'experiment prompt --adaptive --since 2026-01-02T00:00:00Z --until 2026-02-01T00:00:00Z',
    'route doc --min-attempts 5',
    'route doc --seed x --max-cost-usd 1 --min-success-rate 10',
    'compare-models --equal-mix',
    'compare-models --by agent_and_model --issue-type doc',
    'best doc --rank-by lower_bound',
  ])('give the same answer to %s, as JSON and in words', async line => {
    const argv = line.split(' ')
    for (const more of [['--json'], []]) {
      const [asked, opened] = [await ask(...argv, ...more), await runCommand([...argv, ...more, '--store', store])]
      expect(asked).toMatchObject({ exitCode: 0, stderr: '' })
      expect(opened).toEqual(asked)
    }
  })

  test('give older attempts less weight', async () => {
    for (const where of [
      ['--url', sidecar.url],
      ['--store', store],
    ]) {
      const { stdout } = await runCommand(['route', 'doc', '--half-life', '7d', '--json', ...where])
      expect(JSON.parse(stdout).ranked[0]).toMatchObject({ total_attempts: expect.any(Number), draw: null })
      const told = await runCommand(['route', 'doc', '--half-life', '7d', ...where])
      expect(flowing(told.stdout)).toContain('in the order older ones count for less')
    }
  })

  test('draw a random order without a seed, and report the seed they chose', async () => {
    for (const where of [
      ['--url', sidecar.url],
      ['--store', store],
    ]) {
      const { stdout } = await runCommand(['route', 'doc', '--explore', ...where])
      const seed = /--seed (\S+)/.exec(stdout)?.[1] ?? ''
      expect((await runCommand(['route', 'doc', '--seed', seed, ...where])).stdout).toBe(stdout)
    }
  })
})

describe('the parameters sent', () => {
  const ROUTING = { issue_type: 'bug', explore: false, seed: null, ranked: [], excluded: [] }
  test.each<[string[], FakeAnswer, string, Record<string, string>]>([
    [['trends', '--interval', '1d', '--since', '7d'], {}, 'trends', { interval: '1d', since: '7d' }],
    [['calibration', '--group-by', 'key'], {}, 'calibration', { group_by: 'key' }],
    [['costs', '--model-name', 'm&n'], {}, 'costs', { model_name: 'm&n' }],
    [
      ['experiment', 'a/b c', '--adaptive', '--baseline', 'x', '--until', '1h'],
      {},
      'experiments/a%2Fb%20c',
      { adaptive: 'true', baseline: 'x', until: '1h' },
    ],
    [['experiment', 'a'], {}, 'experiments/a', {}],
    [
      ['experiment', 'a', '--shares', 'x:90,y:10', '--margin', '2.5', '--agent-name', 'b'],
      {},
      'experiments/a',
      { shares: 'x:90,y:10', margin: '2.5', agent_name: 'b' },
    ],
    [['route', 'bug'], { body: ROUTING }, 'route', { issue_type: 'bug' }],
    [['route', 'bug', '--explore'], { body: ROUTING }, 'route', { issue_type: 'bug', explore: 'true' }],
    [
      [
        ...['route', 'bug', '--seed', 's', '--max-cost-usd', '0.5', '--min-success-rate', '70', '--half-life', '7d'],
        ...['--min-attempts', '3', '--agent-name', 'a'],
      ],
      { body: ROUTING },
      'route',
      {
        ...{ issue_type: 'bug', explore: 'true', seed: 's', max_cost_usd: '0.5', min_success_rate: '70' },
        ...{ half_life: '7d', min_attempts: '3', agent_name: 'a' },
      },
    ],
    [['compare-models', '--equal-mix'], {}, 'fair-comparison', { by: 'model_name' }],
    [['compare-models', '--by', 'agent_name'], {}, 'fair-comparison', { by: 'agent_name' }],
  ])('%j holds what the options say, and no more', async (argv, answer, path, query) => {
    await using fake = await startFakeSidecar(() => answer)
    await runCommand([...argv, '--json', '--url', fake.url])
    expect(fake.requests.map(request => [request.path, request.query])).toEqual([[`/api/v1/${path}`, query]])
  })

  test.each([
    [['trends', '--interval', 'long']],
    [['trends', '--interval', '0s']],
    [['trends', '--since', 'yesterday']],
    [['calibration', '--group-by', 'mood']],
    [['experiment']],
    [['experiment', 'a', '--agent-name', '']],
    [['experiment', 'a', '--shares', 'control']],
    [['experiment', 'a', '--margin', '0']],
    [['route']],
    [['route', 'bug', '--max-cost-usd', '-1']],
    [['route', 'bug', '--max-cost-usd', 'NaN']],
    [['route', 'bug', '--min-success-rate', '101']],
    [['route', 'bug', '--half-life', '7']],
    [['route', 'bug', '--min-attempts', '0']],
    [['compare-models', '--by', 'issue_type']],
    [['compare-models', '--equal-mix', '--min-attempts', '5']],
  ])('%j is wrong usage: 64, reported on standard error, without a request', async argv => {
    const outcome = await runCommand(argv, { env: { AGENT_PERFORMANCE_URL: 'http://127.0.0.1:1' } })
    expect(outcome).toMatchObject({ exitCode: 64, stdout: '' })
    expect(outcome.stderr).not.toBe('')
  })
})

describe('trends', () => {
  test('draw every interval with its rate, interval and sample size', async () => {
    const { stdout } = await ask('trends', '--agent-name', 'sure', '--interval', '1d')
    expect(stdout).toContain('100 attempts by intervals of 1 day\n')
    expect(stdout.split('\n').filter(line => line.startsWith('2026'))).toEqual([
      '2026-01-01                   ---#  100.00 %  [86.2, 100.0]        24',
      '2026-01-02                   ---#  100.00 %  [86.2, 100.0]        24',
      '2026-01-03        ----#----         50.00 %   [31.4, 68.6]        24',
      '2026-01-04  #---                     0.00 %    [0.0, 13.8]        24',
      '2026-01-05  #----------              0.00 %    [0.0, 49.0]         4',
    ])
  })

  test('state the direction, and which agents have drifted since when', async () => {
    const { stdout } = await ask('trends', '--agent-name', 'sure')
    expect(flowing(stdout)).toMatch(
      /degrading: the later half of them succeeds \d+\.\d points less than the earlier half/,
    )
    expect(flowing(stdout)).toMatch(/- sure with m at doc: down, since about \d+ attempts/)
  })

  test('say if there is too little evidence', async () => {
    const few = await ask('trends', '--agent-name', LONG)
    expect(flowing(few.stdout)).toContain('cannot tell yet: there are too few of them')
    expect(flowing(few.stdout)).toContain('No agent has enough attempts yet to tell whether it has drifted')
    await using even = await testSidecar()
    await even.post(
      Array.from({ length: 100 }, (_, i) =>
        anAttempt({ success: i % 2 === 0, timestamp: `2026-01-0${1 + (i % 9)}T00:00:00Z` }),
      ),
    )
    const { stdout } = await runCommand(['trends', '--url', even.url])
    expect(flowing(stdout)).toMatch(
      /cannot tell yet: the later half of them may succeed \d+\.\d points less to \d+\.\d points more/,
    )
    expect(stdout).toContain('No drift can be told.')
    const early = await runCommand(['trends', '--url', even.url, '--until', '2026-01-02T00:00:00Z'])
    expect(flowing(early.stdout)).toContain('No agent has enough attempts in that time and before it to tell')
  })
})

describe('calibration', () => {
  test('says which agents are over-confident, worst first, and plots stated confidence against success', async () => {
    const { stdout } = await ask('calibration')
    expect(lineWith(stdout, 'sure  ')).toMatch(
      /^sure +100 +95\.0 % +60\.0 % +\+35\.0 \[\+\d+\.\d, \+\d+\.\d\] +over-confident \*$/,
    )
    expect(lineWith(stdout, 'honest')).toMatch(
      /^honest +80 +50\.0 % +50\.0 % +\S+ \[-\d+\.\d, \+\d+\.\d\] +believable \*$/,
    )
    expect(lineWith(stdout, 'c  ')).toMatch(/^c +0 +- +- +- +none stated$/)
    expect(stdout.indexOf('sure  ')).toBeLessThan(stdout.indexOf('honest'))
    expect(stdout).toContain('* it states nearly always the same')
    expect(lineWith(stdout, '0.9 to 1')).toMatch(/0\.9 to 1 +--#-- +o +60\.00 % +\[50\.2, 69\.1\] +100$/)
    expect(flowing(stdout)).toMatch(
      /Brier score 0\.\d{3}: 0 is perfect, and always stating the success rate would get 0\.\d{3}\./,
    )
    expect(stdout).toContain('AUROC 0.')
  })

  test('distinguishes too few attempts, good calibration and under-confidence', async () => {
    await using own = await testSidecar()
    await own.post([
      ...attempts(5, 10, { ...key('new', 'm', 'i'), confidence: 0.5 }),
      ...attempts(90, 100, { ...key('modest', 'm', 'i'), confidence: 0.5 }),
      ...attempts(40, 40, { ...key('two-faced', 'm', 'i'), confidence: 0.6 }),
      ...attempts(4, 40, { ...key('two-faced', 'm', 'i'), confidence: 0.5 }),
    ])
    const { stdout } = await runCommand(['calibration', '--url', own.url])
    expect(lineWith(stdout, 'new')).toContain('cannot tell yet')
    expect(lineWith(stdout, 'modest')).toContain('under-confident')
    expect(lineWith(stdout, 'two-faced')).toContain('uneven')
  })

  test('says what to do if no confidence was stated', async () => {
    const { exitCode, stdout } = await ask('calibration', '--agent-name', 'c')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/No attempt that fits that question stated a confidence.*"confidence"/)
  })
})

describe('costs', () => {
  test('are shown in total, per attempt and per success, with the number of unknown ones', async () => {
    const { stdout } = await ask('costs')
    expect(flowing(stdout)).toContain('$1.60 for 80 attempts')
    expect(flowing(stdout)).toContain('80 reported, 0 computed from tokens')
    expect(lineWith(stdout, 'honest')).toMatch(/^honest +\$1\.60 +\$0\.0200 +\$0\.0400 +\[\$0\.\d+, \$0\.\d+\] +-$/)
    expect(lineWith(stdout, 'sure')).toMatch(/^sure +- +- +- +- +100 of 100$/)
  })

  test('that are unknown are not shown as 0, and the text says what to record', async () => {
    const { exitCode, stdout } = await ask('costs', '--agent-name', 'sure')
    expect(exitCode).toBe(0)
    expect(flowing(stdout)).toMatch(/No cost is known of 100 attempts\. Record cost_usd.*--prices FILE/)
    expect(stdout).not.toContain('$0')
  })
})

describe('experiment', () => {
  test('names the better variant, with the difference and its range', async () => {
    const { stdout } = await ask('experiment', 'prompt', '--baseline', 'old')
    expect(stdout).toContain('prompt: 120 attempts of 2 variants\n')
    expect(stdout.indexOf('\nold ')).toBeLessThan(stdout.indexOf('\nnew '))
    expect(flowing(stdout)).toContain('"new" does better than "old": the difference is +50.0')
    expect(flowing(stdout)).toContain('No sign that attempts are shared out otherwise than evenly (p = 1.000).')
  })

  test('reports no verdict on few attempts, and how many more are needed', async () => {
    expect(flowing((await ask('experiment', 'few')).stdout)).toMatch(
      /"two" does not differ significantly from "one" yet.*about \d+ more attempts of each variant will decide/,
    )
  })

  test('warns if attempts are not assigned evenly, unless that is intended', async () => {
    const { stdout } = await ask('experiment', 'uneven')
    expect(flowing(stdout)).toContain('cannot be compared')
    expect(flowing(stdout)).toMatch(/not shared out evenly \(p = \d\.\de-\d+\).*--adaptive/)
    expect(flowing((await ask('experiment', 'uneven', '--adaptive')).stdout)).toContain('is not checked')
  })

  test('with one variant says that another is needed', async () => {
    expect(flowing((await ask('experiment', 'lonely')).stdout)).toContain('There is only "one" so far')
  })

  test.each([[['nope']], [['prompt', '--baseline', 'nope']], [['..']], [['.']]])(
    'that is not there, %j, exits with 1, says so on standard error, and is null as JSON',
    async argv => {
      const told = await ask('experiment', ...argv)
      expect(told).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: expect.stringContaining('"experiment" and "variant"'),
      })
      expect(await ask('experiment', '--json', ...argv)).toEqual({ exitCode: 1, stdout: 'null\n', stderr: '' })
    },
  )
})

describe('route', () => {
  test('names the best agent, and lists all with their evidence', async () => {
    const { stdout } = await ask('route', 'doc', '--min-attempts', '5')
    expect(stdout.split('\n')[0]).toBe('sure with m')
    expect(lineWith(stdout, 'honest')).toMatch(/^honest +m +50\.00 % +\[39\.3, 60\.7\] +80 +\d+ % +\$0\.0400 +2\.0 s$/)
  })

  test('says which agents are excluded and why, and exits with 1 if none is left', async () => {
    const { exitCode, stdout } = await ask('route', 'doc', '--max-cost-usd', '1')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Left out:\n- sure with m: what a success costs is not known\n')
    const none = await ask('route', 'doc', '--max-cost-usd', '0.01')
    expect(none).toMatchObject({ exitCode: 1, stdout: '' })
    expect(none.stderr).toContain('- honest with m: a success costs more\n')
    const json = await ask('route', 'doc', '--max-cost-usd', '0.01', '--json')
    expect(json).toMatchObject({ exitCode: 1, stderr: '' })
    expect(JSON.parse(json.stdout)).toMatchObject({ ranked: [], excluded: [{ reason: expect.any(String) }, {}, {}] })
    const unknown = await ask('route', 'nothing of the kind')
    expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('"nothing of the kind"') })
  })
})

describe('compare-models --equal-mix', () => {
  test('ranks at the same mix, and warns of a reversed pair', async () => {
    await using own = await testSidecar()
    await own.post(SIMPSON)
    const { stdout } = await runCommand(['compare-models', '--equal-mix', '--url', own.url])
    expect(lineWith(stdout, 'careful')).toMatch(/^careful +65\.83 % +\[57\.0, 73\.7\] +120 +77\.50 % +\[.*\] +120$/)
    expect(stdout.indexOf('careful')).toBeLessThan(stdout.indexOf('hasty'))
    expect(flowing(stdout)).toContain(
      'At one mix "careful" leads, but that is not decided: as good may be "hasty". ' +
        'The mix is that of all attempts at the 2 issue types that all compared have tried (easy, hard).',
    )
    expect(flowing(stdout)).toMatch(
      /Warning: "careful" does better than "hasty" at the same issues, by \+25\.0 points \[\+.*\], though its plain rate is lower, by -8\.3/,
    )
    const plain = await runCommand(['compare-models', '--url', own.url])
    expect(plain.stdout.indexOf('hasty')).toBeLessThan(plain.stdout.indexOf('careful'))
  })

  test('weakens the warning if the reversal may be chance', async () => {
    const pair = { better: 'a', worse: 'b', difference: -1, adjusted_difference: 2 }
    const turned_over = [{ ...pair, adjusted_difference_interval: { low: -3, high: 7, method: 'mover' } }]
    const rate = { success_rate: 50, success_rate_interval: { low: 40, high: 60 }, total_attempts: 9 }
    const rates = [{ name: 'a', ...rate, adjusted_rate: null, adjusted_rate_interval: null, compared_attempts: 0 }]
    const best = { name: 'b', decisive: false, contenders: ['a'] }
    await using fake = await startFakeSidecar(() => ({ body: { strata: ['x'], rates, best, turned_over } }))
    const { stdout } = await runCommand(['compare-models', '--equal-mix', '--url', fake.url])
    expect(flowing(stdout)).toContain('Warning: "a" may do better than "b"')
    expect(flowing(stdout)).toContain('Left out (-)')
  })

  test('names the leader and some contenders, and counts the others', async () => {
    const rate = { success_rate: 50, success_rate_interval: { low: 40, high: 60 }, total_attempts: 9 }
    const adjusted = { adjusted_rate: 50, adjusted_rate_interval: { low: 40, high: 60 }, compared_attempts: 9 }
    const rates = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => ({ name, ...rate, ...adjusted }))
    const strata = Array.from({ length: 80 }, (_, i) => `type-${i}`)
    const best = { name: 'a', decisive: false, contenders: ['b', 'c', 'd', 'e', 'f'] }
    await using fake = await startFakeSidecar(() => ({ body: { strata, rates, best, turned_over: [] } }))
    const { stdout } = await runCommand(['compare-models', '--equal-mix', '--url', fake.url])
    expect(flowing(stdout)).toContain(
      'At one mix "a" leads, but that is not decided: as good may be "b", "c", "d", 2 others. ' +
        'The mix is that of all attempts at the 80 issue types that all compared have tried.',
    )
    expect(stdout).not.toContain('type-7')
  })

  test('says so if no two share an issue type', async () => {
    await using own = await testSidecar()
    await own.post([...attempts(1, 2, key('a', 'm', 'x')), ...attempts(1, 2, key('b', 'n', 'y'))])
    const { stdout } = await runCommand(['compare-models', '--by', 'agent_name', '--url', own.url])
    expect(flowing(stdout)).toContain('They cannot be compared: no issue type was tried by two of them')
  })
})

describe('all statistics commands', () => {
  const QUESTIONS = ['trends', 'calibration', 'costs', 'compare-models --equal-mix']

  test.each(QUESTIONS)('%s without attempts says what to do next', async line => {
    const argv = line.split(' ')
    await using empty = await testSidecar()
    const { exitCode, stdout } = await runCommand([...argv, '--url', empty.url])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/No attempts yet\.[\s\S]*agent-performance import .*FILE|Record it with each attempt/)
    const narrow = await runCommand([...argv, '--url', empty.url, '--since', '1h'])
    expect(narrow.stdout).toMatch(/widen --since/i)
  })

  test.each([
    ...QUESTIONS,
    `trends --agent-name ${LONG}`,
    'calibration --group-by key',
    'experiment prompt',
    'experiment uneven',
    'route doc',
    'route doc --explore --max-cost-usd 1',
    'compare-models --by agent_and_model',
    'best doc --min-attempts 1',
  ])('%s fits a terminal of 80 columns whatever script the names are in', async line => {
    const argv = line.split(' ')
    const terminal = { columns: 80, env: { NO_COLOR: '1' } }
    const { stdout } = await runCommand([...argv, '--url', sidecar.url], terminal)
    expect(stdout).not.toBe('')
    const words = stdout.split('\n').filter(line => !line.includes(LONG))
    for (const line of words) expect(displayWidth(line), line).toBeLessThanOrEqual(80)
  })

  test.each(['trends', 'calibration', 'costs', 'experiment', 'route', 'compare-models'])(
    '%s --help fits 80 columns and shows examples',
    async command => {
      const { exitCode, stdout } = await runCommand([command, '--help'])
      expect(exitCode).toBe(0)
      expect(stdout).toContain(`Examples:\n  agent-performance ${command}`)
      for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    },
  )

  test('are listed by --help', async () => {
    const { stdout } = await runCommand(['--help'])
    for (const command of ['trends', 'calibration', 'costs', 'experiment', 'route']) {
      expect(stdout).toContain(`  ${command} `)
    }
  })

  test('names cannot control the terminal', async () => {
    const name = 'a\u001b[2Jb\nc\u202ed'
    const ranked = [
      {
        agent_name: name,
        model_name: name,
        success_rate: 1,
        total_attempts: 1,
        success_rate_interval: { low: 0, high: 2 },
        draw: null,
        p_best: 1,
        lower_bound: 0,
        shrunk_rate: null,
        expected_cost_per_success_usd: null,
        avg_time_seconds: 1,
      },
    ]
    const body = {
      issue_type: 'i',
      explore: false,
      seed: null,
      ranked,
      excluded: [{ agent_name: name, model_name: name, reason: 'cost_unknown' }],
    }
    await using fake = await startFakeSidecar(() => ({ body }))
    const { stdout } = await runCommand(['route', 'i', '--url', fake.url])
    expect(stdout.match(/a\ufffd\[2Jb\ufffdc\ufffdd/g)).toHaveLength(6)
    expect(['\u001b', '\u202e'].filter(steering => stdout.includes(steering))).toEqual([])
  })
})
