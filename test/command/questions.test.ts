import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/command/table.ts'
import { type FakeAnswer, startFakeSidecar } from './fake-sidecar.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'questions-'))
const interval = (low: number, high: number) => ({ low, high, method: 'wilson' })
const rate = (success_rate: number, low: number, high: number, total_attempts: number) => ({
  success_rate,
  total_attempts,
  success_rate_interval: interval(low, high),
})
const model = (avg_success_rate: number, total_attempts: number) => ({
  avg_success_rate,
  total_attempts,
  success_rate_interval: interval(53.9, 63.5),
  avg_confidence: null,
  avg_time_seconds: 1280.726,
  issue_types: ['bug'],
})
const best = {
  agent_name: 'droid',
  model_name: 'opus',
  ...rate(58.75, 53.87, 63.46, 400),
  avg_confidence: 0.875,
  avg_time_seconds: 12.34,
  shrunk_rate: null,
  cost_per_success: null,
  decided_by: 'success_rate',
  p_best: 0.973,
  expected_loss: 0.02,
  decisive: true,
  contenders: [],
  attempts_to_decide: 0,
}

const REPORT = {
  generated_at: '2026-01-31T12:00:00Z',
  summary: {
    total_attempts: 2728,
    total_successful: 1133,
    overall_success_rate: 41.5322,
    success_rate_interval: interval(39.7, 43.4),
    total_agents: 2,
    total_issue_types: 1,
    total_models: 1,
  },
  by_agent: {
    'mini-swe-agent': { ...rate(15.3614, 11.88, 19.63, 332), issue_types: ['bug'] },
    droid: { ...rate(58.75, 53.87, 63.46, 2400), issue_types: ['bug'] },
  },
  by_issue_type: { bug: { ...rate(100, 56.55, 100, 5), agents_used: ['droid'] } },
  by_model: { opus: model(58.75, 400) },
  recommendations: { bug: best },
}
const EMPTY = {
  ...REPORT,
  summary: { ...REPORT.summary, total_attempts: 0, overall_success_rate: 0 },
  by_agent: {},
  by_issue_type: {},
  by_model: {},
  recommendations: {},
}
const lineWith = (text: string, part: string): string => text.split('\n').find(line => line.includes(part)) ?? ''

describe('report', () => {
  test('shows every rate with its interval and sample size, best first', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: REPORT }))
    const { exitCode, stdout, stderr } = await runCommand(['report', '--url', sidecar.url])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('2,728 attempts, 41.53 % [39.7, 43.4] succeeded; 2 agents, 1 model, 1 issue type')
    expect(lineWith(stdout, 'mini-swe-agent ')).toBe('mini-swe-agent  15.36 %   [11.9, 19.6]       332')
    expect(lineWith(stdout, 'droid  ')).toBe('droid           58.75 %   [53.9, 63.5]     2,400')
    expect(stdout.indexOf('droid  ')).toBeLessThan(stdout.indexOf('mini-swe-agent  '))
    expect(lineWith(stdout, 'opus  ')).toMatch(/ - +1280\.7 s$/)
  })

  test('sends only the parameters of the given options', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: REPORT }))
    const options = [
      '--since',
      '2026-01-01T00:00:00Z',
      '--until',
      '2026-01-31T12:00:00Z',
      '--agent-name',
      'a&b',
      '--model-name',
      'm',
      '--issue-type',
      'ü',
    ]
    await runCommand(['report', '--url', `${sidecar.url}/behind/a/proxy`, ...options])
    await runCommand(['report', '--url', sidecar.url])
    expect(sidecar.requests.map(({ method, path, query }) => ({ method, path, query }))).toEqual([
      {
        method: 'GET',
        path: '/behind/a/proxy/api/v1/report',
        query: {
          since: '2026-01-01T00:00:00Z',
          until: '2026-01-31T12:00:00Z',
          agent_name: 'a&b',
          model_name: 'm',
          issue_type: 'ü',
        },
      },
      { method: 'GET', path: '/api/v1/report', query: {} },
    ])
  })

  test('prints the whole answer as JSON with --json, including names such as __proto__', async () => {
    const body = JSON.stringify(REPORT).replace('"droid":', '"__proto__":')
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const { stdout } = await runCommand(['report', '--json', '--url', sidecar.url])
    expect(stdout).toContain('"__proto__": {')
    expect(JSON.stringify(JSON.parse(stdout))).toBe(body)
  })

  test('says what to do next if there are no attempts, or none that match', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: EMPTY }))
    const none = await runCommand(['report', '--url', sidecar.url])
    expect(none).toMatchObject({ exitCode: 0, stderr: '' })
    expect(none.stdout).toMatch(/No attempts yet\.[\s\S]*curl[\s\S]*agent-performance import .*FILE/)
    const narrow = await runCommand(['report', '--url', sidecar.url, '--since', '1m'])
    expect(narrow.stdout).toMatch(/No attempt fits that question\. Widen --since/)
  })

  test('fits a terminal of 80 columns with names in any script, and truncates nothing without a terminal', async () => {
    const long = 'エージェント👩‍💻'.repeat(8)
    const body = {
      ...REPORT,
      by_agent: { [long]: REPORT.by_agent.droid },
      recommendations: { [long]: { ...best, agent_name: long, model_name: long } },
    }
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const seen = await runCommand(['report', '--url', sidecar.url], { columns: 80, env: { NO_COLOR: '1' } })
    for (const line of seen.stdout.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80)
    expect(seen.stdout).toContain('…')
    expect((await runCommand(['report', '--url', sidecar.url])).stdout).toContain(long)
  })

  test('fits the screen of a terminal, says how many rows are left out, and shows as many as --top asks for', async () => {
    const groups = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`name-${i}`, REPORT.by_agent.droid]))
    const body = {
      ...REPORT,
      by_agent: groups,
      by_issue_type: groups,
      recommendations: Object.fromEntries(Object.keys(groups).map(name => [name, best])),
    }
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const rowsOf = async (options: readonly string[], columns?: number): Promise<string[]> =>
      (
        await runCommand(['report', '--url', sidecar.url, ...options], {
          env: { NO_COLOR: '1' },
          ...(columns && { columns }),
        })
      ).stdout.split('\n')
    const screen = await rowsOf([], 80)
    // The prompt takes the last line.
    expect(screen.length).toBeLessThanOrEqual(24)
    expect(screen.filter(line => line.startsWith('name-')).length).toBeGreaterThanOrEqual(6)
    expect(screen).toContain('… 28 more: --top 30')
    expect((await rowsOf(['--top', '30'], 80)).filter(line => line.startsWith('name-'))).toHaveLength(90)
    expect((await rowsOf([])).filter(line => line.startsWith('name-'))).toHaveLength(90)
    expect((await rowsOf(['--top', '1'])).filter(line => line.startsWith('name-'))).toHaveLength(3)
    for (const top of ['0', 'many', '1.5'])
      expect(await runCommand(['report', '--url', sidecar.url, '--top', top])).toMatchObject({ exitCode: 64 })
  })

  test('hints name the source in use', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: EMPTY }))
    const { stdout } = await runCommand(['report', '--url', sidecar.url])
    expect(stdout).toContain(`agent-performance record --url ${sidecar.url} --agent-name`)
    expect(stdout).toContain(`${sidecar.url}/api/v1/attempts -d`)
    expect(stdout).toContain(`agent-performance import --url ${sidecar.url} FILE`)
    const environment = await runCommand(['report'], { env: { AGENT_PERFORMANCE_URL: sidecar.url } })
    expect(environment.stdout).toContain(`${sidecar.url}/api/v1/attempts -d`)
    expect(environment.stdout).toContain('agent-performance record --agent-name')
  })

  test('a name that no attempt has is pointed out, with the name that may be meant', async () => {
    await using sidecar = await startFakeSidecar(({ path, query }) => {
      if (path.endsWith('/report')) return { body: EMPTY }
      const names = query.group_by === 'agent_name' ? { droid: 50, goose: 40 } : { 'gpt-5': 50 }
      return { body: { group_by: query.group_by, success_rates: names, details: {} } }
    })
    const run = async (...options: string[]): Promise<string> =>
      (await runCommand(['report', '--url', sidecar.url, ...options])).stdout
    expect(await run('--agent-name', 'driod', '--model-name', 'gpt-5')).toContain(
      'No attempt has the agent "driod". Did you mean "droid"?',
    )
    expect(await run('--agent-name', 'nothing like it')).toContain(
      'No attempt has the agent "nothing like it". There are "droid", "goose".',
    )
    expect(await run('--model-name', 'gpt-5')).not.toContain('No attempt has')
  })

  test('--url takes a host and a port, and --since a date', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: REPORT }))
    const { port } = new URL(sidecar.url)
    for (const url of [`127.0.0.1:${port}`, `localhost:${port}/`]) {
      // The fake listens on IPv4 only, which localhost resolves to as well.
      expect(await runCommand(['report', '--url', url, '--since', '2025-01-01'])).toMatchObject({ exitCode: 0 })
    }
    expect(sidecar.requests.map(({ query }) => query)).toEqual([{ since: '2025-01-01' }, { since: '2025-01-01' }])
  })

  test('is bold only on a terminal, and not with NO_COLOR', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: REPORT }))
    const run = async (columns?: number, env = {}) =>
      (await runCommand(['report', '--url', sidecar.url], { env, ...(columns && { columns }) })).stdout.includes(
        '\u001b',
      )
    expect(await run(80)).toBe(true)
    expect(await run()).toBe(false)
    expect(await run(80, { NO_COLOR: '1' })).toBe(false)
  })

  test('names cannot control the terminal', async () => {
    const body = { ...REPORT, by_agent: { 'a\u001b[2Jb\nc\u202ed': REPORT.by_agent.droid } }
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const { stdout } = await runCommand(['report', '--url', sidecar.url])
    expect(stdout).toContain('a\ufffd[2Jb\ufffdc\ufffdd ')
  })
})

describe('best', () => {
  test('names the agent with its rate, interval and sample size', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: best }))
    const options = ['--min-attempts', '20', '--rank-by', 'lower_bound', '--since', '30d', '--model-name', 'opus']
    const { exitCode, stdout } = await runCommand(['best', 'bug', '--url', sidecar.url, ...options])
    expect(exitCode).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      'droid with opus',
      '  success     58.75 % [53.9, 63.5] of 400 attempts',
      '  confidence  0.88 on average',
      '  time        12.3 s on average',
      '  verdict     better than every other: the best with a probability of 97.30 %',
    ])
    expect(sidecar.requests[0]).toMatchObject({
      path: '/api/v1/best-agent',
      query: { issue_type: 'bug', min_attempts: '20', rank_by: 'lower_bound', since: '30d', model_name: 'opus' },
    })
  })

  test('says if the best agent is undecided, and how many more attempts would decide it', async () => {
    const others = ['a', 'b', 'c', 'd', 'e'].map(agent_name => ({
      agent_name,
      model_name: 'gpt',
      ...rate(55, 50.1, 59.8, 400),
    }))
    const body = { ...best, decisive: false, contenders: others, attempts_to_decide: 1250 }
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const { stdout } = await runCommand(['best', 'bug', '--url', sidecar.url])
    expect(stdout).toContain('verdict     not decided: the best with a probability of 97.30 %; as good may be\n')
    expect(stdout).toContain('- c with gpt: 55.00 % [50.1, 59.8] of 400 attempts\n')
    expect(stdout).not.toContain('- d with gpt')
    expect(stdout).toContain('- 2 others\n')
    expect(stdout).toContain('about 1,250 more attempts of each would decide it\n')
    await using alone = await startFakeSidecar(() => ({ body: { ...body, contenders: [], attempts_to_decide: null } }))
    expect((await runCommand(['best', 'bug', '--url', alone.url])).stdout).toContain('no other agent to compare with\n')
  })

  test('calls a decision out of reach that takes more attempts than anybody waits for', async () => {
    const other = {
      agent_name: 'a',
      model_name: 'gpt',
      ...rate(58, 50.1, 59.8, 400),
      p_best: 0.4,
      cost_per_success: null,
    }
    const body = { ...best, decisive: false, contenders: [other], attempts_to_decide: 368_807 }
    await using sidecar = await startFakeSidecar(() => ({ body }))
    const { stdout } = await runCommand(['best', 'bug', '--url', sidecar.url])
    expect(stdout).toContain('out of reach: it takes more than 10,000 more attempts of each to decide it\n')
    expect(stdout).not.toContain('368')
  })

  test('says how it is ranked and that route ranks otherwise, and so does route', async () => {
    const routed = { ...best, lower_bound: 53.87, draw: null, expected_cost_per_success_usd: null }
    const report = { issue_type: 'bug', explore: false, seed: null, ranked: [routed], excluded: [] }
    await using sidecar = await startFakeSidecar(({ path }) => ({ body: path.endsWith('/route') ? report : best }))
    const textOf = async (...argv: string[]): Promise<string> =>
      (await runCommand([...argv, '--url', sidecar.url])).stdout
    expect(await textOf('best', 'bug')).toContain(
      'The highest success rate among those with 5 attempts or more. "route" ranks by the lower end of the interval, from 1 attempt on.',
    )
    expect(await textOf('best', 'bug', '--min-attempts', '20')).toContain('among those with 20 attempts or more')
    expect(await textOf('route', 'bug')).toContain(
      'Ranked by the lower end of the interval, from 1 attempt on. "best" takes the highest success rate, from 5 attempts on.',
    )
  })

  test('good, doubtful and bad news have a colour where the terminal has colours', async () => {
    const open = { ...best, decisive: false, contenders: [{ ...best, agent_name: 'other' }], attempts_to_decide: null }
    await using sidecar = await startFakeSidecar(({ query }) => ({ body: query.issue_type === 'bug' ? best : open }))
    const [decided, undecided] = await Promise.all(
      ['bug', 'doc'].map(issue => runCommand(['best', issue, '--url', sidecar.url], { columns: 80 })),
    )
    expect(decided!.stdout).toContain('\u001b[32mbetter than every other')
    expect(undecided!.stdout).toContain('\u001b[33mnot decided')
    const plain = await runCommand(['best', 'doc', '--url', sidecar.url], { columns: 80, env: { NO_COLOR: '1' } })
    expect(plain.stdout).not.toContain('\u001b')
  })

  test('exits with 1, prints the reason to standard error, and null as JSON, if no agent qualifies', async () => {
    await using sidecar = await startFakeSidecar(() => ({ status: 404, body: { detail: 'no agent' } }))
    const told = await runCommand(['best', 'bug', '--url', sidecar.url])
    expect(told).toMatchObject({ exitCode: 1, stdout: '' })
    expect(told.stderr).toMatch(/^No agent has 5 attempts at "bug".*--min-attempts/)
    expect(await runCommand(['best', 'bug', '--json', '--url', sidecar.url])).toEqual({
      exitCode: 1,
      stdout: 'null\n',
      stderr: '',
    })
  })

  test('shows the cost per success, and decides by it, if the ranking is by cost', async () => {
    const cost = (cost_usd: number): object => ({
      cost_per_success: { cost_usd, interval: { low: cost_usd * 0.9, high: cost_usd * 1.1, method: 'log_scale' } },
    })
    const other = { agent_name: 'a', model_name: 'gpt', ...rate(55, 50.1, 59.8, 400), p_best: 0.027, ...cost(0.24) }
    const body = { ...best, ...cost(0.2), decided_by: 'cost_per_success' }
    const open = { ...body, decisive: false, contenders: [other], attempts_to_decide: null }
    await using sidecar = await startFakeSidecar(({ query }) => ({ body: query.issue_type === 'bug' ? body : open }))
    const options = ['--url', sidecar.url, '--rank-by', 'expected_cost']
    const { stdout } = await runCommand(['best', 'bug', ...options])
    expect(stdout).toContain('  cost        $0.200 [$0.180, $0.220] per success\n')
    expect(stdout).toContain(
      'verdict     cheaper than every other: the cheapest per success with a probability of 97.30 %\n',
    )
    const undecided = (await runCommand(['best', 'doc', ...options])).stdout
    expect(undecided).toContain('as cheap may be\n              - a with gpt: $0.240 [$0.216, $0.264] per success\n')
  })

  test('shows the shrunk rate beside the raw one if the ranking is by it', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: { ...best, shrunk_rate: 57.6 } }))
    const { stdout } = await runCommand(['best', 'bug', '--url', sidecar.url, '--rank-by', 'shrunk'])
    expect(stdout).toContain('  success     58.75 % [53.9, 63.5] of 400 attempts\n  shrunk      57.60 %')
  })

  test("does not accept another server's 404 as an answer", async () => {
    const headers = { 'content-type': 'text/html' }
    await using sidecar = await startFakeSidecar(() => ({ status: 404, body: '<html>', headers }))
    expect((await runCommand(['best', 'bug', '--url', sidecar.url])).exitCode).toBe(69)
  })
})

describe('compare-models', () => {
  test('shows models side by side, best first', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: { gpt: model(52.5, 400), opus: model(58.75, 1400) } }))
    const { stdout } = await runCommand([
      'compare-models',
      '--url',
      sidecar.url,
      '--issue-type',
      'bug',
      '--min-attempts',
      '20',
    ])
    expect(stdout.trimEnd().split('\n')).toEqual([
      'model  success  95 % interval  attempts  conf.  mean time',
      'opus   58.75 %   [53.9, 63.5]     1,400      -   1280.7 s',
      'gpt    52.50 %   [53.9, 63.5]       400      -   1280.7 s',
    ])
    expect(sidecar.requests[0]).toMatchObject({
      path: '/api/v1/model-comparison',
      query: { issue_type: 'bug', min_attempts: '20' },
    })
  })

  test('says how many attempts are left out because their keys have too few', async () => {
    await using sidecar = await startFakeSidecar(({ query }) => ({
      body: { opus: model(58.75, query.min_attempts === '1' ? 1658 : 1400) },
    }))
    const argv = ['compare-models', '--url', sidecar.url, '--agent-name', 'droid']
    const { stdout } = await runCommand(argv)
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'Left out: 258 attempts of keys (agent, model and issue type) with fewer than 5; --min-attempts 1 counts them too.',
    )
    expect(sidecar.requests[1]).toMatchObject({ query: { agent_name: 'droid', min_attempts: '1' } })
    const json = await runCommand([...argv, '--json'])
    expect(JSON.parse(json.stdout)).toEqual({ opus: model(58.75, 1400) })
    expect((await runCommand([...argv, '--min-attempts', '1'])).stdout).not.toContain('Left out')
  })

  test('says what to do if no model has enough attempts', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: {} }))
    const { exitCode, stdout } = await runCommand(['compare-models', '--url', sidecar.url])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/No model has 5 attempts.*lower --min-attempts/)
  })
})

describe('attempts', () => {
  const solved = {
    agent_name: 'droid',
    model_name: 'claude-opus-4.1',
    issue_type: 'configure-git-webserver',
    success: true,
    time_seconds: 1280.66,
    timestamp: '2026-01-31T23:30:00.123Z',
  }
  const failed = { ...solved, success: false, error_type: 'wrong_answer', timestamp: '2026-01-31T08:00:00Z' }
  const page = (attempts: readonly object[], next_cursor: string | null = null) => ({ body: { attempts, next_cursor } })

  test('shows one attempt per line, in the zone of --tz, without columns that no attempt has', async () => {
    const { success: _, ...pending } = { ...solved, timestamp: '2026-01-31T07:00:00Z' }
    await using sidecar = await startFakeSidecar(() => page([solved, failed, pending]))
    const { exitCode, stdout } = await runCommand(['attempts', '--tz', 'Europe/Berlin', '--url', sidecar.url])
    expect(exitCode).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      '           ended  agent  model            issue                    result          time',
      '2026-02-01 00:30  droid  claude-opus-4.1  configure-git-webserver  success       1281 s',
      '2026-01-31 09:00  droid  claude-opus-4.1  configure-git-webserver  wrong_answer  1281 s',
      '2026-01-31 08:00  droid  claude-opus-4.1  configure-git-webserver  pending       1281 s',
      '',
      '3 attempts, newest first. Times are in Europe/Berlin.',
    ])
  })

  test('shows the stated confidence, and the cost: the reported one before the computed one', async () => {
    const costs = { confidence: 0.9, cost_usd: 0.25, computed_cost_usd: 0.5 }
    await using sidecar = await startFakeSidecar(() => page([{ ...solved, ...costs }, solved]))
    const { stdout } = await runCommand(['attempts', '--url', sidecar.url])
    expect(lineWith(stdout, 'ended')).toMatch(/ result +conf\. +time +cost$/)
    const [first, second] = stdout.split('\n').slice(1)
    expect(first).toMatch(/ success +0\.90 +1281 s +\$0\.250$/)
    expect(second).toMatch(/ success +- +1281 s +-$/)
  })

  test('asks with the filters, and names the cursor of the next page', async () => {
    await using sidecar = await startFakeSidecar(() => page([solved], 'abc-1'))
    const options = ['--agent-name', 'droid', '--since', '24h', '--limit', '1', '--cursor', 'xyz', '--order', 'oldest']
    const { stdout } = await runCommand(['attempts', '--url', sidecar.url, ...options])
    expect(sidecar.requests).toMatchObject([
      {
        path: '/api/v1/attempts',
        query: { agent_name: 'droid', since: '24h', limit: '1', cursor: 'xyz', order: 'oldest' },
      },
    ])
    expect(stdout).toContain('1 attempt, oldest first.')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('There are more: add --cursor abc-1')
  })

  test('fits 80 columns with long names', async () => {
    const long = {
      ...failed,
      agent_name: 'agent-'.repeat(20),
      model_name: 'model-'.repeat(20),
      confidence: 0.9,
      cost_usd: 0.0123,
    }
    await using sidecar = await startFakeSidecar(() => page([long]))
    const { stdout } = await runCommand(['attempts', '--url', sidecar.url], { columns: 80, env: { NO_COLOR: '1' } })
    for (const line of stdout.split('\n')) expect(displayWidth(line), line).toBeLessThanOrEqual(80)
    expect(stdout).toContain('…')
  })

  test('says what an empty page means, and how many attempts cannot be read', async () => {
    const missing = { records: 3, segments: 1, exact: false }
    await using sidecar = await startFakeSidecar(({ query }) => ({
      body: { attempts: [], next_cursor: query.cursor === 'mid' ? 'next' : null, ...(query.limit && { missing }) },
    }))
    const textOf = async (...options: string[]): Promise<string> =>
      (await runCommand(['attempts', '--url', sidecar.url, ...options])).stdout
    expect(await textOf()).toMatch(/^No attempts yet\. Record one:/)
    expect(await textOf('--agent-name', 'x')).toMatch(/^No attempt fits that question\./)
    expect(await textOf('--cursor', 'end')).toBe('No further attempts.\n')
    expect(await textOf('--cursor', 'mid')).toBe(
      'No attempt on this page fits that question.\nThere are more: add --cursor next\n',
    )
    expect(await textOf('--limit', '5')).toMatch(/^At least 3 attempts of the store cannot be read/)
  })

  test('prints the page as JSON with --json', async () => {
    await using sidecar = await startFakeSidecar(() => page([solved], 'abc-1'))
    const { stdout } = await runCommand(['attempts', '--json', '--url', sidecar.url])
    expect(JSON.parse(stdout)).toEqual(page([solved], 'abc-1').body)
  })
})

describe('the source of answers', () => {
  test('is AGENT_PERFORMANCE_URL without --url, with the token of the token file', async () => {
    await using sidecar = await startFakeSidecar(() => ({ body: REPORT }))
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, '# who may read\n\n  s3cret read\nother\n')
    await runCommand(['report', '--token-file', tokenFile], { env: { AGENT_PERFORMANCE_URL: sidecar.url } })
    await runCommand(['report'], {
      env: { AGENT_PERFORMANCE_URL: sidecar.url, AGENT_PERFORMANCE_TOKEN_FILE: tokenFile },
    })
    expect(sidecar.requests.map(request => request.headers.authorization)).toEqual(['Bearer s3cret', 'Bearer s3cret'])
  })

  test('with a missing token file, or one without a valid token, is an error that never shows its content', async () => {
    const tokenFile = join(folder, 'tokens')
    writeFileSync(tokenFile, 's3cret-ü')
    const { exitCode, stderr } = await runCommand(['report', '--token-file', tokenFile])
    expect(exitCode).toBe(78)
    expect(stderr).toContain(tokenFile)
    expect(stderr).not.toContain('s3cret-')
    expect((await runCommand(['report', '--token-file', join(folder, 'none')])).exitCode).toBe(74)
  })

  test.each<[string, FakeAnswer, number]>([
    ['400', { status: 400, body: { detail: 'since must be a time' } }, 64],
    ['401', { status: 401, body: { detail: 'a token is needed' } }, 77],
    ['403', { status: 403, body: { detail: 'this token may not read' } }, 77],
    ['429', { status: 429, body: { detail: 'too much in flight' } }, 75],
    ['503', { status: 503, body: { detail: 'not ready' } }, 75],
    ['500', { status: 500, body: { detail: 'a defect' } }, 69],
  ])('an answer of %s is printed in one line with the reason', async (_status, answer, exitCode) => {
    await using sidecar = await startFakeSidecar(() => answer)
    const outcome = await runCommand(['report', '--url', sidecar.url])
    expect(outcome).toMatchObject({ exitCode, stdout: '' })
    expect(outcome.stderr).toContain((answer.body as { detail: string }).detail)
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('that does not respond, or is no sidecar, is named, with what to do', async () => {
    const sidecar = await startFakeSidecar(() => ({ body: '<html>hello</html>' }))
    expect(await runCommand(['report', '--url', sidecar.url])).toMatchObject({
      exitCode: 69,
      stderr: expect.stringContaining(sidecar.url),
    })
    await sidecar[Symbol.asyncDispose]()
    const { exitCode, stderr } = await runCommand(['report', '--url', sidecar.url])
    expect(exitCode).toBe(69)
    expect(stderr).toMatch(/no sidecar reached at .*ECONNREFUSED.*agent-performance serve.*--url.*--store/)
  })

  test.each([
    [['report', '--url', 'ftp://x']],
    [['report', '--url', 'nonsense']],
    [['report', '--url', 'http://user:s3cret@127.0.0.1:1']],
    [['report', '--url', 'http://x', '--store', 'y']],
    [['report', '--since', 'yesterday']],
    [['report', '--since', '1h', '--until', '2h']],
    [['report', '--agent-name', '']],
    [['report', 'extra']],
    [['report', '--nonsense']],
    [['best']],
    [['best', 'bug', '--min-attempts', '0']],
    [['best', 'bug', '--rank-by', 'luck']],
    [['import']],
    [['nonsense']],
    [[]],
  ])('%j is wrong usage: 64, reported on standard error, without a request', async argv => {
    const { exitCode, stdout, stderr } = await runCommand(argv, {
      env: { AGENT_PERFORMANCE_URL: 'http://127.0.0.1:1' },
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
    expect(stderr).not.toBe('')
    expect(stderr).not.toContain('s3cret')
  })

  test('is never created by a question', async () => {
    const outcome = await runCommand(['report', '--store', join(folder, 'none.json')])
    expect(outcome).toEqual({
      exitCode: 74,
      stdout: '',
      stderr: `agent-performance: there is no store at ${join(folder, 'none.json')}\n`,
    })
  })
})

describe('help', () => {
  const COMMANDS = [
    ...['serve', 'report', 'best', 'compare-models', 'attempts', 'record', 'import', 'export', 'mcp', 'check-config'],
  ]

  test.each(COMMANDS)('%s --help fits 80 columns and shows examples', async command => {
    const { exitCode, stdout } = await runCommand([command, '--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`Examples:\n  .*agent-performance ${command}`))
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    if (command !== 'serve' && command !== 'mcp') expect(stdout).toContain('--json')
  })

  test('an abbreviation keeps its capitals in the text of a flag', async () => {
    const { stdout } = await runCommand(['report', '--help'])
    expect(stdout).toMatch(/--tz <zone> +IANA time zone/)
    expect(stdout).toMatch(/--since <time> +from then on: an RFC 3339/)
  })

  test('the first page lists every command and every exit code', async () => {
    const { stdout } = await runCommand(['--help'])
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `)
    expect(stdout).toMatch(
      /Exit codes:[\s\S]* 1 {2}no agent qualifies \(best\)[\s\S]*64[\s\S]*65[\s\S]*69[\s\S]*74[\s\S]*75[\s\S]*77[\s\S]*78/,
    )
  })
})
