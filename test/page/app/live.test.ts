/** The live page over time: attempts arrive, sidecars go away, tokens are needed, prefixes are added. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttpProxy } from '../../support/http-proxy.ts'
import { npmStart } from '../../support/npm-start.ts'
import { anAttempt, testSidecar } from '../../support/sidecar.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { needs } from '../../support/tool.ts'
import { launch, NO_BROWSER, openPage, shown } from './browser.ts'
import { seedAttempts } from './seed.ts'

describe.skipIf(NO_BROWSER !== undefined)('the live page over time', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launch()
  })

  afterAll(async () => {
    await browser?.close()
  })

  const waitForText = (page: Page, text: string): Promise<unknown> =>
    page.waitForFunction(wanted => document.body.textContent?.includes(wanted), text)

  test('a new user starts the sidecar, copies the curl of the page, runs it, and sees the attempt in the live view', async context => {
    needs('npm', context)
    needs('curl', context)
    await using folder = await temporaryFolder()
    await using started = await npmStart(join(folder.path, 'store.json'))
    const { page, context: opened, incidents } = await openPage(browser, started.url)
    await opened.grantPermissions(['clipboard-read', 'clipboard-write'])
    const recipe = page.locator('section[aria-label="From a shell"]')
    await recipe.locator('button').click()
    const command = (await recipe.locator('code').textContent())!
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(command)
    const { stdout } = await promisify(execFile)('sh', ['-c', command])
    expect(JSON.parse(stdout)).toEqual({ accepted: 1, duplicates: 0 })
    await page.waitForSelector('table.board')
    expect(await page.textContent('table.board .name')).toBe('RefactoringAgent')
    expect(await page.textContent('td[data-label="Attempts"]')).toBe('1')
    await waitForText(page, 'Live')
    expect(incidents).toEqual([])
    await opened.close()
  })

  test('an empty store shows how to record, and becomes the live view at the first attempt; later ones change the numbers', async () => {
    await using sidecar = await testSidecar()
    const { page, context, incidents } = await openPage(browser, sidecar.url)
    await waitForText(page, 'Waiting for the first attempt')
    expect(await page.textContent('pre >> nth=1')).toContain(`${sidecar.url}/api/v1/attempts`)
    await waitForText(page, 'Live')
    await sidecar.post(anAttempt({ agent_name: 'first' }))
    await page.waitForSelector('table.board')
    expect(await page.textContent('td[data-label="Attempts"]')).toBe('1')
    await sidecar.post(Array.from({ length: 9 }, () => anAttempt({ agent_name: 'first' })))
    await page.waitForFunction(() => document.querySelector('td[data-label="Attempts"]')?.textContent === '10')
    expect(incidents).toEqual([])
    await context.close()
  })

  test('attempts appear as they are kept, newest first, and only those of the filters', async () => {
    await using sidecar = await testSidecar()
    await sidecar.post(anAttempt({ agent_name: 'before' }))
    const { page, context } = await openPage(browser, sidecar.url, { path: '/attempts?model_name=m' })
    await shown(page)
    await waitForText(page, 'Live')
    await sidecar.post([anAttempt({ agent_name: 'other', model_name: 'x' }), anAttempt({ agent_name: 'one' })])
    await waitForText(page, 'one')
    await sidecar.post(anAttempt({ agent_name: 'two', success: false, error_type: 'timeout' }))
    await waitForText(page, '✗ timeout')
    const agents = await page.$$eval('tbody tr td:nth-child(2)', cells => cells.map(cell => cell.textContent))
    expect(agents).toEqual(['two', 'one', 'before'])
    await context.close()
  })

  test('on a fast stream new attempts take over the rows of older ones: the list makes no elements, and shows the newest 25', async () => {
    await using sidecar = await testSidecar()
    const batch = (name: string): object[] =>
      Array.from({ length: 30 }, (_, i) => anAttempt({ agent_name: `${name}-${i}`, issue_type: name, trace_id: name }))
    await sidecar.post(batch('old'))
    const { page, context } = await openPage(browser, sidecar.url, { path: '/attempts' })
    await shown(page)
    await waitForText(page, 'Live')
    const before = await page.$$('tbody tr')
    await sidecar.post(batch('new'))
    const newest = Array.from({ length: 25 }, (_, i) => `new-${29 - i}`)
    const names = (): Promise<(string | null)[]> =>
      page.$$eval('tbody tr td:nth-child(2)', cells => cells.map(cell => cell.textContent))
    await expect.poll(names).toEqual(newest)
    for (const row of before) expect(await row.evaluate(element => element.isConnected)).toBe(true)
    // All cells of a row are those of its attempt.
    const cells = await page.$$eval('tbody tr', rows => rows.map(row => row.querySelectorAll('a, button').length))
    expect(new Set(cells)).toEqual(new Set([3]))
    expect(await page.getAttribute('tbody tr:first-child td:nth-child(2) a', 'href')).toBe('agent?agent_name=new-29')
    expect(await page.$$eval('tbody tr', rows => rows.filter(row => row.textContent?.includes('old')).length)).toBe(0)
    await context.close()
  })

  test('rows stay while the reader points at them, and are the newest ones afterwards', async () => {
    await using sidecar = await testSidecar()
    await sidecar.post(anAttempt({ agent_name: 'first' }))
    const { page, context } = await openPage(browser, sidecar.url, { path: '/now' })
    await shown(page)
    await waitForText(page, 'Live')
    const list = page.locator('section[aria-label="Latest attempts"]')
    await list.locator('tbody a').first().hover()
    await sidecar.post(anAttempt({ agent_name: 'second', success: false }))
    // The failure is in the other list, so the attempt has arrived.
    await page.waitForSelector('section[aria-label="Latest failures"] a:text-is("second")')
    expect(await list.locator('tbody td a').first().textContent()).toBe('first')
    await page.mouse.move(0, 0)
    await list.locator('a:text-is("second")').waitFor()
    await context.close()
  })

  test('the tabs of a browser share one stream, and another one takes over when its tab closes', async () => {
    await using sidecar = await testSidecar()
    await sidecar.post(anAttempt({ agent_name: 'before' }))
    const { page, context } = await openPage(browser, sidecar.url)
    await waitForText(page, 'Live')
    const second = await context.newPage()
    let streams = 0
    second.on('request', request => {
      if (request.url().endsWith('/api/v1/stream')) streams++
    })
    await second.goto(sidecar.url)
    await waitForText(second, 'Live')
    await sidecar.post(anAttempt({ agent_name: 'shared' }))
    await waitForText(second, 'shared')
    expect(streams).toBe(0)
    await page.close()
    await expect.poll(() => streams).toBe(1)
    await sidecar.post(anAttempt({ agent_name: 'taken-over' }))
    await waitForText(second, 'taken-over')
    await context.close()
  })

  test('without the sidecar the page keeps what it shows and says so', async () => {
    const sidecar = await testSidecar()
    await sidecar.post(anAttempt({ agent_name: 'kept' }))
    const { page, context } = await openPage(browser, sidecar.url)
    await waitForText(page, 'Live')
    await page.waitForSelector('table.board')
    await sidecar[Symbol.asyncDispose]()
    await waitForText(page, 'No connection')
    await page.waitForFunction(() =>
      /No connectionfor \d+s/.test(document.querySelector('.connection')?.textContent ?? ''),
    )
    expect(await page.textContent('table.board')).toContain('kept')
    await context.close()
  })

  test('a token is asked for, kept in its tab over a reload, and sent as a header only', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, 'secret-token ingest,read\n')
    await using sidecar = await testSidecar({ 'auth-token-file': file })
    await sidecar.post(anAttempt({ agent_name: 'guarded' }), { headers: { Authorization: 'Bearer secret-token' } })
    const { page, context, incidents } = await openPage(browser, sidecar.url)
    await page.waitForSelector('input[type=password]')
    const urls: string[] = []
    page.on('request', request => urls.push(request.url()))
    await page.fill('input[type=password]', 'wrong')
    await page.click('button[type=submit]')
    await waitForText(page, 'this bearer token is unknown')
    await page.fill('input[type=password]', 'secret-token')
    await page.click('button[type=submit]')
    await waitForText(page, 'guarded')
    await waitForText(page, 'Live')
    await page.reload()
    await waitForText(page, 'guarded')
    expect(urls.filter(url => url.includes('secret-token'))).toEqual([])
    // The browser itself reports each 401 on its console.
    expect(incidents.filter(text => !text.includes('401'))).toEqual([])
    const other = await context.newPage()
    await other.goto(sidecar.url)
    await other.waitForSelector('input[type=password]')
    await context.close()
  })

  test('an answer that is cut off when the form appears does not replace what the sidecar said of the token', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, 'secret-token ingest,read\n')
    await using sidecar = await testSidecar({ 'auth-token-file': file })
    const headArrived = Promise.withResolvers<void>()
    await using proxy = await startHttpProxy(sidecar.url, async (req, res) => {
      if (req.headers.authorization !== 'Bearer wrong') return false
      const isCut = req.url === '/api/v1/leaderboard'
      // The head arrives first of all, and the body does not before the page aborts the request.
      if (isCut) res.writeHead(401, { 'Content-Length': '1000' }).write('{')
      else await headArrived.promise
      return isCut
    })
    const { page, context } = await openPage(browser, proxy.url)
    await page.fill('input[type=password]', 'wrong')
    const isCut = (request: Request): boolean =>
      request.url().endsWith('/api/v1/leaderboard') && request.headers()['authorization'] === 'Bearer wrong'
    const cut = page.waitForEvent('requestfailed', isCut)
    const head = page.waitForResponse(response => isCut(response.request()))
    await page.click('button[type=submit]')
    await head
    headArrived.resolve()
    await cut
    await waitForText(page, 'this bearer token is unknown')
    await context.close()
  })

  test('a tab without a token leaves the stream to one that has a token', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'tokens')
    await writeFile(file, 'secret-token ingest,read\n')
    await using sidecar = await testSidecar({ 'auth-token-file': file })
    const { page, context } = await openPage(browser, sidecar.url)
    await waitForText(page, 'Token needed')
    const second = await context.newPage()
    await second.goto(sidecar.url)
    await second.fill('input[type=password]', 'secret-token')
    await second.click('button[type=submit]')
    await waitForText(second, 'Live')
    await context.close()
  })

  test('behind a proxy that holds the stream back, the page asks every five seconds and says so', async () => {
    await using sidecar = await testSidecar()
    await sidecar.post(anAttempt({ agent_name: 'before' }))
    await using proxy = await startHttpProxy(sidecar.url, req => req.url === '/api/v1/stream')
    const { page, context } = await openPage(browser, proxy.url, { path: '/livez' })
    await page.clock.install()
    await page.goto(proxy.url)
    await waitForText(page, 'before')
    const after = async (ms: number): Promise<string> => {
      await page.clock.fastForward(ms)
      return (await page.textContent('body'))!
    }
    await expect.poll(() => after(5000)).toContain('a proxy holds events back')
    await sidecar.post(anAttempt({ agent_name: 'polled' }))
    await expect.poll(() => after(1000)).toContain('polled')
    await context.close()
  })

  test.each([
    [1440, 0.02],
    // A sentence takes more or fewer lines on a phone.
    [375, 0.05],
  ])('nothing moves at %d px when answers and attempts arrive: layout shift at most %d', async (width, most) => {
    await using sidecar = await testSidecar()
    await sidecar.post(seedAttempts(Date.now()))
    const { page, context } = await openPage(browser, sidecar.url, { path: '/livez', viewport: { width, height: 900 } })
    await page.addInitScript(() => {
      const shifts: { value: number; what: string }[] = []
      Object.assign(globalThis, { shifts })
      new PerformanceObserver(list => {
        for (const entry of list.getEntries() as (PerformanceEntry & {
          value: number
          sources: { node: Node | null }[]
        })[])
          shifts.push({
            value: entry.value,
            what: entry.sources.map(({ node }) => (node as Element | null)?.outerHTML?.slice(0, 80) ?? '').join(' | '),
          })
      }).observe({ type: 'layout-shift', buffered: true })
    })
    const found: string[] = []
    for (const view of ['best', 'now', 'agent?agent_name=middle', 'models', 'experiments', 'costs', 'attempts']) {
      await page.goto(`${sidecar.url}/${view}`)
      await shown(page)
      await waitForText(page, 'Live')
      const one = anAttempt({ agent_name: 'middle', model_name: 'model-a', issue_type: 'fix-git', error_type: view })
      // The list of attempts asks nothing again: it takes them from the stream.
      const isShown =
        view === 'attempts'
          ? waitForText(page, `✗ ${view}`)
          : page.waitForResponse(response => response.url().includes('/api/v1/') && response.ok())
      await sidecar.post({ ...one, success: false })
      await isShown
      await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve))))
      const shifts = await page.evaluate(
        () => (globalThis as unknown as { shifts: { value: number; what: string }[] }).shifts,
      )
      // A new attempt stands at the top of its list, and the rows below it move down.
      const isOfRows = (what: string): boolean => what.split(' | ').every(source => source.startsWith('<tr>'))
      const moved = view === 'attempts' ? shifts.filter(({ what }) => !isOfRows(what)) : shifts
      const sum = moved.reduce((all, { value }) => all + value, 0)
      if (sum > most) found.push(`${view}: ${sum.toFixed(3)} ${JSON.stringify(shifts)}`)
    }
    expect(found).toEqual([])
    await context.close()
  })

  test('everything works below a base path, also by its URL without the slash', async () => {
    await using sidecar = await testSidecar({ 'base-path': '/agents/perf' })
    await sidecar.post(anAttempt({ agent_name: 'prefixed' }))
    const { page, context, incidents } = await openPage(browser, sidecar.url, { path: '' })
    await waitForText(page, 'prefixed')
    await waitForText(page, 'Live')
    await page.click('nav a:text-is("Attempts")')
    await shown(page)
    expect(page.url()).toBe(`${sidecar.url}/attempts`)
    await page.reload()
    await waitForText(page, 'prefixed')
    expect(incidents).toEqual([])
    await context.close()
  })
})
