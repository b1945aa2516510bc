/** A real browser for tests of the live page: Debian's chromium, driven by playwright-core. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

/** Why there is no browser. Undefined if there is one. */
export const NO_BROWSER: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `${CHROMIUM} is missing: apt-get install chromium`

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

if (NO_BROWSER !== undefined) process.stderr.write(`SKIPPED: tests of the live page: ${NO_BROWSER}\n`)

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: FLAGS })

export interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Console errors, page errors, dialogs, and requests to another origin. */
  readonly incidents: readonly string[]
}

/** Opens a page whose locale, time zone and motion are fixed. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { readonly path?: string } = {},
): Promise<OpenPage> {
  const { path = '/', ...rest } = options
  const context = await browser.newContext({
    locale: 'en-US',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    viewport: { width: 1440, height: 900 },
    ...rest,
  })
  const page = await context.newPage()
  const incidents: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') incidents.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => incidents.push(`error: ${error.message}`))
  page.on('dialog', dialog => {
    incidents.push(`dialog: ${dialog.message()}`)
    void dialog.accept()
  })
  const { origin } = new URL(url)
  page.on('request', request => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:'))
      incidents.push(`request: ${request.url()}`)
  })
  // The console says the status, but not of what.
  page.on('response', response => {
    if (response.status() >= 500) incidents.push(`response: ${response.status()} ${response.url()}`)
  })
  await page.goto(url + path)
  return { page, context, incidents }
}

/** Waits until the view shows its answers. */
export async function shown(page: Page): Promise<void> {
  await page.waitForFunction(
    () => document.querySelector('main[aria-busy=false]') !== null && document.querySelector('.skeleton') === null,
  )
}
