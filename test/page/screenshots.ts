/**
 * Pictures of every view, light, dark and on a phone: `npm run screenshots -- ATTEMPTS.ndjson FOLDER`. The times of the attempts are moved to
 * the last two weeks, because single attempts of older ones would have expired. Two models of the agent with most attempts are shown as an experiment,
 * although they were not assigned by chance. Attempts without costs and outcomes leave the views of costs and of honesty to made-up ones.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testSidecar } from '../support/sidecar.ts'
import { launch, openPage, shown } from './app/browser.ts'
import { seedAttempts, seedOutcomes } from './app/seed.ts'

const VIEWS: readonly (readonly [name: string, path: string])[] = [
  ['best', '/best'],
  ['issue', '/best?issue_type=fix-git'],
  ['now', '/now?since=7d'],
  ['agent', '/agent?agent_name=droid'],
  ['models', '/models'],
  ['experiments', '/experiments'],
  ['honesty', '/agent?agent_name=middle'],
  ['costs', '/costs'],
  ['alerts', '/alerts'],
  ['firing', '/alerts'],
  ['attempts', '/attempts'],
]
const LOOKS = [
  { name: '1440-light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: '1440-dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: '375-light', colorScheme: 'light', viewport: { width: 375, height: 812 } },
  { name: '375-dark', colorScheme: 'dark', viewport: { width: 375, height: 812 } },
] as const

const SPAN_MS = 14 * 86_400_000

interface Line {
  readonly timestamp: string
  readonly agent_name: string
  readonly model_name: string
}

const EXPERIMENT = { name: 'droid-model', agent_name: 'droid', models: ['claude-opus-4.1', 'gpt-5'] }

/** The attempts in their order, evenly over the last two weeks. */
async function recentAttempts(path: string): Promise<object[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '')
  const attempts = lines.map(line => JSON.parse(line) as Line)
  attempts.sort((a, b) => a.timestamp.localeCompare(b.timestamp))
  const startMs = Date.now() - SPAN_MS
  return attempts.map((attempt, i) => ({
    ...attempt,
    ...(attempt.agent_name === EXPERIMENT.agent_name &&
      EXPERIMENT.models.includes(attempt.model_name) && { experiment: EXPERIMENT.name, variant: attempt.model_name }),
    timestamp: new Date(startMs + ((i + 1) / attempts.length) * SPAN_MS).toISOString(),
  }))
}

const [file, folder = 'screenshots'] = process.argv.slice(2)
await using sidecar = await testSidecar()
await sidecar.post(file === undefined ? seedAttempts(Date.now()) : await recentAttempts(file))
await mkdir(folder, { recursive: true })
await using empty = await testSidecar()
await using made = await testSidecar()
await using firing = await testSidecar()
await firing.post(seedAttempts(Date.now()))
await made.post(seedAttempts(Date.now()))
await made.post(seedOutcomes(), { path: '/api/v1/outcomes' })
const sidecars = new Map([
  ['first-run', empty],
  ['honesty', made],
  ['firing', firing],
  ['costs', made],
])
await using browser = await launch()
for (const { name: look, ...options } of LOOKS) {
  for (const [name, path] of [...VIEWS, ['first-run', '/'] as const]) {
    const { page, context, incidents } = await openPage(browser, (sidecars.get(name) ?? sidecar).url, {
      ...options,
      path,
    })
    if (name !== 'first-run') await shown(page)
    await page.waitForFunction(() => document.body.textContent?.includes('Live'))
    await page.evaluate(() => document.fonts.ready)
    await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: true, animations: 'disabled' })
    for (const incident of incidents) process.stderr.write(`${name} ${look}: ${incident}\n`)
    await context.close()
  }
}
