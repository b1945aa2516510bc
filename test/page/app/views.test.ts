/** The views of the live page in a real browser: they show the numbers of the API, in both themes, on a phone, and without harm by names. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../../support/sidecar.ts'
import { launch, NO_BROWSER, openPage, shown } from './browser.ts'
import { HOSTILE, seedAttempts } from './seed.ts'

const VIEWS = [
  'now',
  'best',
  'agent?agent_name=middle',
  'agent',
  'models',
  'experiments',
  'costs',
  'alerts',
  'attempts?agent_name=strong&issue_type=fix-git',
] as const

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe.skipIf(NO_BROWSER !== undefined)('the views of the live page', () => {
  let browser: Browser
  let sidecar: TestSidecar

  beforeAll(async () => {
    sidecar = await testSidecar()
    await sidecar.post(seedAttempts(Date.now()))
    browser = await launch()
  })

  afterAll(async () => {
    await browser?.close()
    await sidecar?.[Symbol.asyncDispose]()
  })

  const json = async <Body>(path: string): Promise<Body> => (await (await sidecar.get(path)).json()) as Body
  const percent = (value: number): string => (value === 0 || value === 100 ? `${value}%` : `${value.toFixed(1)}%`)

  test('Who is best shows every row of the leaderboard with its rate and attempts, and says whether it is decided', async () => {
    const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/best?issue_type=fix-git' })
    await shown(page)
    const board = await json<{
      decisive: boolean
      rows: { agent_name: string; model_name: string; success_rate: number; total_attempts: number }[]
    }>('/api/v1/leaderboard?issue_type=fix-git')
    const rows = await page.$$eval('table.board tbody tr:not(.group)', all =>
      all.map(row => ({
        agent_name: row.querySelector('.name')!.textContent,
        model_name: row.querySelector('.model')!.textContent,
        rate: row.querySelector('.rate')!.textContent,
        attempts: row.querySelector('[data-label="Attempts"]')!.textContent,
      })),
    )
    expect(rows).toEqual(
      board.rows.map(row => ({
        agent_name: row.agent_name,
        model_name: row.model_name,
        rate: percent(row.success_rate),
        attempts: String(row.total_attempts),
      })),
    )
    const verdict = await page.textContent('.verdict .badge')
    expect(verdict).toBe(board.decisive ? 'Decided' : 'Cannot tell yet')
    expect(await page.textContent('.verdict .sentence')).toContain('strong with model-a leads at fix-git')
    expect(incidents).toEqual([])
    await context.close()
  })

  test('every other view shows the numbers of its questions', async () => {
    const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/now' })
    const go = async (path: string): Promise<string> => {
      await page.goto(`${sidecar.url}/${path}`)
      await shown(page)
      return (await page.textContent('main'))!
    }
    const report = await json<{
      summary: { total_attempts: number; overall_success_rate: number; total_successful: number }
    }>('/api/v1/report?since=24h')
    const { total_attempts, overall_success_rate, total_successful } = report.summary
    const now = await go('now')
    for (const number of [total_attempts, percent(overall_success_rate), total_attempts - total_successful])
      expect(now).toContain(String(number))
    expect(now).toContain('timeout')

    const calibration = await json<{ overall: { brier_score: number } }>('/api/v1/calibration?agent_name=middle')
    const trends = await json<{ verdict: string }>('/api/v1/trends?agent_name=middle')
    const agent = await go('agent?agent_name=middle')
    expect(agent).toContain(`Brier score ${calibration.overall.brier_score.toFixed(2)}`)
    expect(agent.toLowerCase()).toContain(trends.verdict.slice(trends.verdict.indexOf(': ') + 2).toLowerCase())

    const fair = await json<{ rates: { name: string; adjusted_rate: number; success_rate: number }[] }>(
      '/api/v1/fair-comparison',
    )
    const models = await go('models')
    for (const { name, adjusted_rate, success_rate } of fair.rates)
      for (const text of [name, percent(adjusted_rate), percent(success_rate)]) expect(models).toContain(text)

    const experiment = await json<{ comparisons: { summary: string }[] }>('/api/v1/experiments/prompt')
    expect(await go('experiments')).toContain(experiment.comparisons[0]!.summary)

    const costs = await json<{ by_model: Record<string, { cost_per_success: { cost_usd: number } }> }>('/api/v1/costs')
    const shownCosts = await go('costs')
    for (const { cost_per_success } of Object.values(costs.by_model))
      expect(shownCosts).toContain(`$${cost_per_success.cost_usd.toPrecision(3)}`)

    await go('attempts')
    for (const more of [150, 25]) await page.click(`button:text-is("Show ${more} more")`)
    expect(await page.$$eval('table.data tbody tr', rows => rows.length)).toBe(200)
    expect(incidents).toEqual([])
    await context.close()
  })

  test('Alerts shows what fires with its numbers and links, and the bar has the number', async () => {
    const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/alerts' })
    await shown(page)
    const { alerts } = await json<{
      alerts: { rule: string; summary: string; detail: string; false_alarms: string; figures: { after: number }[] }[]
    }>('/api/v1/alerts')
    expect(alerts.map(({ rule }) => rule)).toContain('AgentOverconfident')
    const text = (await page.textContent('main'))!
    for (const { summary, detail, false_alarms, figures } of alerts) {
      // The page writes percentages as the locale does.
      for (const part of [summary, detail, false_alarms]) expect(text).toContain(part.replaceAll(/(\d) %/g, '$1%'))
      for (const { after } of figures) expect(text).toContain(percent(after))
    }
    await page.waitForSelector('nav .firing-count')
    expect(await page.textContent('nav .firing-count')).toBe(`${alerts.length} firing`)
    const card = page.locator('section[aria-label="AgentOverconfident"]')
    expect(await card.locator('a:text-is("What to do")').getAttribute('href')).toMatch(/alerts\.md#agentoverconfident$/)
    await card.locator('a:text-is("Look at the attempts")').click()
    await shown(page)
    expect(new URL(page.url()).searchParams.get('agent_name')).toBe(HOSTILE)
    expect(incidents).toEqual([])
    await context.close()
  })

  test('Alerts says that nothing fires, and what is watched', async () => {
    await using calm = await testSidecar()
    await calm.post(anAttempt({}))
    const { page, context } = await openPage(browser, calm.url, { path: '/alerts' })
    await shown(page)
    const text = (await page.textContent('main'))!
    expect(text).toMatch(/Nothing fires\. \d+ rules are watched\./)
    expect(text).toContain('AgentSuccessDrift')
    expect(await page.$$eval('nav .firing-count', all => all.length)).toBe(0)
    await context.close()
  })

  test('Now names the agents that changed since yesterday, with the numbers of the question', async () => {
    await using changed = await testSidecar()
    const hour = (hoursAgo: number): string => new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
    const attempts = (agent_name: string, hoursAgo: number, good: number): object[] =>
      Array.from({ length: 60 }, (_, i) =>
        anAttempt({ agent_name, timestamp: hour(hoursAgo + i / 60), success: (i * 7) % 60 < good }),
      )
    await changed.post([...attempts('fallen', 30, 55), ...attempts('fallen', 3, 20), ...attempts('steady', 30, 40)])
    await changed.post(attempts('steady', 3, 41))
    const { page, context } = await openPage(browser, changed.url, { path: '/now' })
    await shown(page)
    const card = (await page.textContent('section[aria-label="What changed since yesterday"]'))!
    expect(card).toMatch(/Worse.*fallen 33\.3% of 60 attempts, 91\.7% before\. At the same work: -58\.3 points/)
    expect(card).not.toContain('steady')
    await context.close()
  })

  test('One agent shows when its drift began, on the plot and in words, and how long its attempts took', async () => {
    await using drifting = await testSidecar()
    const startMs = Date.now() - 200 * 60_000
    await drifting.post(
      Array.from({ length: 180 }, (_, i) =>
        anAttempt({
          agent_name: 'drifting',
          timestamp: new Date(startMs + i * 60_000).toISOString(),
          success: i < 140 && i % 10 > 0,
        }),
      ),
    )
    const { page, context } = await openPage(browser, drifting.url, { path: '/agent?agent_name=drifting' })
    await shown(page)
    const trends = (await (await drifting.get('/api/v1/trends?agent_name=drifting')).json()) as {
      agents: Record<string, { began_at: string }>
    }
    const began = Date.parse(trends.agents['drifting']!.began_at)
    expect(Math.abs(began - (startMs + 140 * 60_000))).toBeLessThan(20 * 60_000)
    const text = await page.evaluate(
      ms => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms),
      began,
    )
    await page.waitForFunction(
      wanted => document.querySelector('.drift text')?.textContent === `worse since about ${wanted}`,
      text,
    )
    expect(await page.textContent('.figures')).toContain(`since ${text}`)
    const region = (await (await page.waitForSelector('.drift rect')).boundingBox())!
    const plot = (await page.locator('.plot-frame svg').first().boundingBox())!
    // 40 of 180 minutes, at the right end of the plot.
    expect(region.width / plot.width).toBeGreaterThan(0.1)
    expect(region.width / plot.width).toBeLessThan(0.35)
    expect(plot.x + plot.width - (region.x + region.width)).toBeLessThan(20)
    expect(await page.textContent('section[aria-label=Durations]')).toContain('the newest 180 attempts')
    await context.close()
  })

  test('an interval with fewer than five attempts is a hollow dot, and does not bend the line of the rate', async () => {
    await using sparse = await testSidecar()
    const endMs = Date.now()
    const timed = (minutesAgo: number, success: boolean): object =>
      anAttempt({ timestamp: new Date(endMs - minutesAgo * 60_000).toISOString(), success })
    await sparse.post([...Array.from({ length: 270 }, (_, i) => timed(600 - 2 * i, i % 2 === 0)), timed(0, true)])
    const { page, context } = await openPage(browser, sparse.url, { path: '/agent?agent_name=a' })
    await shown(page)
    const dot = page.locator('.plot-frame .estimate.hollow').last()
    await dot.waitFor()
    const end = (await page.locator('.plot-frame .line').boundingBox())!
    const box = (await dot.boundingBox())!
    // At 100 %, far right of the line, which stays at 50 %.
    expect(box.x).toBeGreaterThan(end.x + end.width)
    expect(box.y).toBeLessThan(end.y)
    expect(end.height).toBeLessThan(100)
    await context.close()
  })

  test('each view of rates says how attempts were judged, and One agent whether reports are true', async () => {
    await using judged = await testSidecar()
    const { success: _, ...pending } = anAttempt({ agent_name: 'boaster', attempt_id: 'pending' })
    const reported = Array.from({ length: 40 }, (_, i) =>
      anAttempt({ agent_name: 'boaster', attempt_id: `id ${i}`, success: true }),
    )
    await judged.post(pending)
    const { page, context, incidents } = await openPage(browser, judged.url, { path: '/best' })
    // Not the page of an empty store.
    await page.waitForSelector('main:has-text("0 verified by outcomes · 0 only reported · 1 pending")')
    await judged.post(reported)
    const outcomes = Array.from({ length: 30 }, (_, i) => ({ attempt_id: `id ${i}`, success: i < 12, source: 'ci' }))
    await judged.post(outcomes, { path: '/api/v1/outcomes' })
    const words = '30 verified by outcomes · 10 only reported · 1 pending'
    for (const view of ['best', 'now', 'models', 'costs']) {
      await page.goto(`${judged.url}/${view}`)
      await shown(page)
      expect(await page.textContent('main')).toContain(words)
    }
    await page.goto(`${judged.url}/agent?agent_name=boaster`)
    const card = (await (
      await page.waitForSelector('section[aria-label="Can its reports be believed?"]')
    ).textContent())!
    expect(card).toContain(words)
    expect(card).toMatch(/Claims too much.*It reports 100%, and 40\.0% are verified: \+60\.0 points, 95% interval \+/)
    expect(card).toContain('Of its reported successes, 60.0% failed')
    await page.waitForSelector('section[aria-label=Durations] .key:text-is("pending")')
    // One pending attempt: one ring.
    expect((await page.getAttribute('.plot-frame .mark.pending', 'd'))!.match(/M/g)).toHaveLength(1)
    expect(incidents).toEqual([])
    await context.close()
  })

  test('an experiment has an axis of time, which is in the URL, and says how many days are left', async () => {
    const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '/experiments' })
    await shown(page)
    expect(await page.textContent('main')).toMatch(/of about [\d,]+ attempts of each\. About .+ at this pace\./)
    await page.click('button:text-is("By time")')
    await page.waitForSelector('svg[aria-label^="short minus the baseline, by time"]')
    expect(new URL(page.url()).search).toBe('?axis=time')
    expect(incidents).toEqual([])
    await context.close()
  })

  test('a trace is a link to the viewer of --trace-url, and an id to copy without one', async () => {
    await using linked = await testSidecar({ 'trace-url': 'https://tempo.example/trace/{trace_id}' })
    await linked.post(anAttempt({ trace_id: 'a b/c"<' }))
    const { page, context } = await openPage(browser, linked.url, { path: '/attempts' })
    await shown(page)
    expect(await page.getAttribute('td a[target=_blank]', 'href')).toBe('https://tempo.example/trace/a%20b%2Fc%22%3C')
    await context.close()
    const { page: plain, context: other } = await openPage(browser, sidecar.url, { path: '/attempts' })
    await shown(plain)
    expect(await plain.$$eval('td a[target=_blank]', links => links.length)).toBe(0)
    expect(await plain.$$eval('td button', buttons => buttons.length)).toBeGreaterThan(0)
    await other.close()
  })

  test('many that are worse than the leader are folded behind a button', async () => {
    await using many = await testSidecar()
    const agents = Array.from({ length: 30 }, (_, i) => `worse-${i}`)
    for (const agent_name of ['leader', ...agents])
      await many.post(
        Array.from({ length: 40 }, (_, i) => anAttempt({ agent_name, success: agent_name === 'leader' || i < 4 })),
      )
    const { page, context } = await openPage(browser, many.url, { path: '/best' })
    await shown(page)
    const rows = (): Promise<number> => page.$$eval('table.board tbody tr:not(.group, .folded)', all => all.length)
    expect(await rows()).toBe(11)
    await page.click('button:text-is("Show 20 more: worse than the leader")')
    expect(await rows()).toBe(31)
    await context.close()
  })

  test('names from outside stay text', async () => {
    const { page, context, incidents } = await openPage(browser, sidecar.url, {
      path: `/agent?agent_name=${encodeURIComponent(HOSTILE)}`,
    })
    await shown(page)
    expect(await page.textContent('h1')).toBe(HOSTILE)
    expect(await page.$$eval('img', images => images.length)).toBe(0)
    for (const path of ['best', 'attempts', 'models', 'costs']) {
      await page.goto(`${sidecar.url}/${path}`)
      await shown(page)
      expect(await page.$$eval('img', images => images.length)).toBe(0)
    }
    expect(incidents).toEqual([])
    await context.close()
  })

  test('filters are in the URL: a reload keeps them, back and forward follow them', async () => {
    const { page, context } = await openPage(browser, sidecar.url, { path: '/best' })
    await shown(page)
    await page.fill('input[type=search]', 'fix-git')
    await page.press('input[type=search]', 'Enter')
    await page.waitForFunction(() => document.querySelector('.sentence')?.textContent?.includes('leads at fix-git'))
    await page.selectOption('select', '24h')
    expect(new URL(page.url()).search).toBe('?issue_type=fix-git&since=24h')
    await page.reload()
    await shown(page)
    expect(await page.inputValue('input[type=search]')).toBe('fix-git')
    expect(await page.inputValue('select')).toBe('24h')
    await page.goBack()
    await page.goBack()
    await page.waitForFunction(() =>
      document.querySelector('.sentence')?.textContent?.includes('the same mix of 2 issue types'),
    )
    expect(await page.inputValue('input[type=search]')).toBe('')
    await context.close()
  })

  test('a number explains itself by keyboard: definition of the API, and its call', async () => {
    const { page, context } = await openPage(browser, sidecar.url, { path: '/best?issue_type=fix-git' })
    await shown(page)
    await page.focus('button[aria-label="What is “Chance best”?"]')
    await page.keyboard.press('Enter')
    const openApi = await json<{
      components: { schemas: Record<string, { properties: Record<string, { description: string }> }> }
    }>('/openapi.json')
    const { description } = openApi.components.schemas['LeaderboardRow']!.properties['p_best']!
    await page.waitForFunction(
      text => document.querySelector(':popover-open')?.textContent?.includes(text),
      description,
    )
    expect(await page.textContent(':popover-open code')).toBe('GET /api/v1/leaderboard?issue_type=fix-git')
    await page.keyboard.press('Escape')
    expect(await page.$$eval(':popover-open', open => open.length)).toBe(0)
    await context.close()
  })

  test('a plot has a table, and CSV in plain numbers in which no name is a formula', async () => {
    const { page, context } = await openPage(browser, sidecar.url, { path: '/agent?agent_name=middle' })
    await shown(page)
    await page.click('.plot-table summary')
    const trends = await json<{ points: unknown[] }>('/api/v1/trends?agent_name=middle')
    // A longer table shows its first rows, and a button for the others.
    const rows = Math.min(25, trends.points.length)
    expect(await page.$$eval('.plot-table[open] tbody tr', all => all.length)).toBe(rows)
    await page.goto(`${sidecar.url}/best`)
    await shown(page)
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('button:text-is("CSV")')])
    const csv = await readFile(await download.path(), 'utf8')
    const [head, first] = csv.split('\r\n')
    expect(head).toMatch(/^agent_name,model_name,group,success_rate,/)
    expect(first).toMatch(/^strong,model-a,could_be_best,\d+/)
    await context.close()
  })

  test('the arrow keys read the points of a plot', async () => {
    const { page, context } = await openPage(browser, sidecar.url, { path: '/agent?agent_name=middle' })
    await shown(page)
    // A key does nothing before the plot has its size.
    const readout = async (): Promise<string | null> => {
      await page.focus('.plot-frame svg')
      await page.keyboard.press('Home')
      return await page.textContent('.readout')
    }
    await expect.poll(readout).toMatch(/^From .* of \d+ attempts, 95% interval/)
    await context.close()
  }, 180_000)

  test.each([
    ['light', 1440],
    ['dark', 375],
  ] as const)(
    'axe-core finds nothing in the %s theme at %d px, nothing scrolls sideways, and the bar shows its current link',
    async (colorScheme, width) => {
      const { page, context, incidents } = await openPage(browser, sidecar.url, {
        path: '/best',
        colorScheme,
        viewport: { width, height: 900 },
      })
      const found: string[] = []
      for (const view of VIEWS) {
        await page.goto(`${sidecar.url}/${view}`)
        await shown(page)
        await page.evaluate(axeSource)
        const violations = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
          const results = await axe.run({ resultTypes: ['violations'] })
          return results.violations.map(
            ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
          )
        })
        found.push(...violations.map(text => `${view} ${text}`))
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (overflow > 0) found.push(`${view} is ${overflow} px too wide`)
        const isLinkShown = await page.evaluate(() => {
          const nav = document.querySelector('nav')!
          const [bar, link] = [nav, nav.querySelector('[aria-current]')!].map(one => one.getBoundingClientRect())
          // Positions are fractions of a pixel, and scrolling is in whole ones.
          return link!.left >= bar!.left - 1 && link!.right <= bar!.right + 1
        })
        if (!isLinkShown) found.push(`${view}: its link is cut off`)
      }
      expect(found).toEqual([])
      expect(incidents).toEqual([])
      await context.close()
    },
  )
})
