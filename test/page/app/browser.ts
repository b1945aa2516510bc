/** A real browser for tests of the live page: Debian's chromium, driven by playwright-core. */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { build } from 'vite'

const ROOT = new URL('../../../', import.meta.url).pathname
const SOURCES = join(ROOT, 'src/page/app')
const CHROMIUM = '/usr/bin/chromium'

/** Why there is no browser. Undefined if there is one. */
export const NO_BROWSER: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `${CHROMIUM} is missing: apt-get install chromium`

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: FLAGS })

/** Builds the page if a source is newer than the built files. `npm ci` has built it already. */
export async function buildPage(): Promise<void> {
  const built = await stat(join(ROOT, 'dist-page/index.html')).catch(() => undefined)
  const names = await readdir(SOURCES, { recursive: true })
  const times = await Promise.all(names.map(async name => (await stat(join(SOURCES, name))).mtimeMs))
  if (built !== undefined && Math.max(...times) < built.mtimeMs) return
  await build({ configFile: join(ROOT, 'vite.config.ts') })
}

/** What must not happen while a page is open. */
export interface Incidents {
  readonly list: string[]
}

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
    void dialog.dismiss()
  })
  const { origin } = new URL(url)
  page.on('request', request => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:'))
      incidents.push(`request: ${request.url()}`)
  })
  await page.goto(url + path)
  return { page, context, incidents }
}

/** Waits until the view shows its answers. */
export async function shown(page: Page): Promise<void> {
  await page.waitForSelector('main[aria-busy=false]', { state: 'attached' })
}
