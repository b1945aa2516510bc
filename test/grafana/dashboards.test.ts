import { readFileSync } from 'node:fs'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { printed } from '../../grafana/print.ts'
import { dashboards } from '../../grafana/src/dashboards.ts'
import { type Dashboard, dashboardFiles, dashboardTexts, type Panel, panelsOf } from './dashboard-files.ts'

const ROOT = new URL('../../', import.meta.url)
const UNITS: ReadonlySet<unknown> = new Set(Object.values(units))
/** Panel types of Grafana 10 to 13 without plugins. */
const PANEL_TYPES = ['stat', 'timeseries', 'table', 'heatmap', 'barchart']
/** Panels whose colour asks for an action. */
const DECIDE = [
  'Sidecar',
  'Alerts',
  'Drift',
  'Over-confidence',
  'Ready',
  'Scraped',
  'Keys taken',
  'Damaged records',
  'Experiments',
  'Sample ratio',
]
const ABOUT_SIDECARS = 'agent-performance-sidecar'
/** Filters of dashboards that are not about agents. */
const FILTERS: ReadonlyMap<string, readonly string[]> = new Map([
  [ABOUT_SIDECARS, ['instance']],
  ['agent-performance-experiments', ['experiment']],
])

it('the committed dashboards are what the code prints', () => {
  const committed = dashboardTexts()
  expect([...committed.keys()]).toEqual([...dashboards().keys()].sort())
  const others = [...dashboards()].filter(([name, dashboard]) => committed.get(name) !== printed(dashboard))
  expect(others.map(([name]) => name)).toEqual([])
})

it('no two dashboards have the same uid or title: Grafana would load none of them', () => {
  const all = dashboardFiles()
  expect(new Set(all.map(({ uid }) => uid)).size).toBe(all.length)
  expect(new Set(all.map(({ title }) => title)).size).toBe(all.length)
})

describe.each(dashboardFiles())('$uid', dashboard => {
  it('is a classic dashboard that a file can provide to any Grafana', () => {
    expect(dashboard).not.toHaveProperty('apiVersion')
    expect(dashboard).not.toHaveProperty('__inputs')
    expect(dashboard.schemaVersion).toBeGreaterThan(35)
    expect(JSON.stringify(dashboard)).not.toMatch(/\$\{DS_|-- Grafana --|inControlsMenu/)
    expect(dashboard.editable).toBe(false)
    expect(dashboard.uid.length).toBeLessThanOrEqual(40)
  })

  it('queries only the selected data source', () => {
    const sources = dashboard.templating.list.filter(({ type }) => type === 'datasource')
    expect(sources).toMatchObject([{ name: 'datasource', label: 'Data source', query: 'prometheus' }])
    const uids = JSON.stringify(dashboard).match(/"datasource":\{[^}]*\}/g)
    expect(new Set(uids)).toEqual(new Set(['"datasource":{"type":"prometheus","uid":"$datasource"}']))
  })

  it('has variables that follow the time range, and an "All" that does not list every name', () => {
    for (const variable of dashboard.templating.list.filter(({ type }) => type === 'query')) {
      expect(variable).toMatchObject({ refresh: 2, query: { qryType: 1, refId: variable.name } })
      expect(variable.label).not.toBe('')
      if (variable.multi) expect(variable).toMatchObject({ includeAll: true, allValue: '.+' })
      else expect(variable.includeAll).toBe(false)
    }
    const needed = FILTERS.get(dashboard.uid) ?? ['agent_name', 'model_name', 'issue_type']
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', ...needed])
    expect(dashboard.templating.list[1]).toMatchObject({ label: 'Job', multi: true })
  })

  it('refreshes no faster than Prometheus scrapes', () => {
    const { global } = parse(readFileSync(new URL('prometheus/prometheus.yml', ROOT), 'utf8')) as {
      global: { scrape_interval: string }
    }
    expect(Number.parseInt(dashboard.refresh, 10)).toBeGreaterThanOrEqual(Number.parseInt(global.scrape_interval, 10))
    expect(dashboard.refresh).toMatch(/s$/)
  })

  it('links to the other dashboards and keeps filters and time', () => {
    expect(dashboard.links).toMatchObject([
      { type: 'dashboards', tags: ['agent-performance'], includeVars: true, keepTime: true },
    ])
    expect((dashboard as Dashboard & { tags: string[] }).tags).toEqual(['agent-performance'])
    expect(linksOf(dashboard).filter(url => !isKept(url))).toEqual([])
  })

  it('marks restarts and alerts', () => {
    expect(dashboard.annotations.list.map(({ name }) => name)).toEqual(['Restarts', 'Alerts'])
  })

  it('gives every panel and heading its own id', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    expect(ids.every(id => Number.isInteger(id) && id > 0)).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('places panels without overlap, within 24 columns', () => {
    const taken = new Set<string>()
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (const cell of cellsOf(gridPos)) {
        expect(taken.has(cell), `${title} at ${cell}`).toBe(false)
        taken.add(cell)
      }
    }
  })
})

describe.each(dashboardFiles().flatMap(dashboard => panelsOf(dashboard).map(panel => ({ dashboard, panel }))))(
  '$dashboard.uid: $panel.title',
  ({ dashboard, panel }) => {
    it('has a title, a question, a unit, and a text for missing data', () => {
      expect(PANEL_TYPES).toContain(panel.type)
      expect(panel.title).not.toBe('')
      expect(panel.description).toMatch(/\?/)
      expect(UNITS).toContain(panel.fieldConfig.defaults.unit)
      for (const { properties } of panel.fieldConfig.overrides) {
        for (const { id, value } of properties) if (id === 'unit') expect(UNITS).toContain(value)
      }
      expect(panel.fieldConfig.defaults.noValue).not.toBe('')
      expect(panel.fieldConfig.defaults.noValue).toBeDefined()
    })

    it('queries something, and only the selected jobs', () => {
      expect(panel.targets?.length).toBeGreaterThan(0)
      for (const { expr } of panel.targets ?? []) {
        const selectors = expr.match(/[a-zA-Z_:][\w:]*\{[^}]*\}/g) ?? []
        const constant = /^(label_replace\(vector\([\d.]+\), [^()]*\)( or )?)+$/.test(expr)
        expect(selectors.length > 0 || constant, expr).toBe(true)
        expect(selectors.filter(selector => !selector.includes('job=~"$job"'))).toEqual([])
        if (dashboard.uid !== ABOUT_SIDECARS) continue
        expect(selectors.filter(selector => !selector.includes('instance=~"$instance"'))).toEqual([])
      }
    })

    it('filters by regular expression for multi-value variables, and by equality for single-value ones', () => {
      const several = new Map(dashboard.templating.list.map(({ name, multi }) => [name, multi === true]))
      for (const { expr } of panel.targets ?? []) {
        for (const [, operator, name] of expr.matchAll(/(=~|=)"\$(\w+)"/g)) {
          expect([name, operator]).toEqual([name, several.get(name!) ? '=~' : '='])
        }
      }
    })

    it('uses spans that follow the panel', () => {
      for (const { expr } of panel.targets ?? []) {
        const spans = [...expr.matchAll(/\b(rate|irate|increase|max_over_time)\([^[]*\[([^\]]*)\]/g)]
        for (const [, name, span] of spans) {
          expect(
            name === 'rate' || name === 'irate' ? ['$__rate_interval'] : ['$__rate_interval', '$__range'],
          ).toContain(span)
        }
      }
    })

    it('has colours only where they ask for an action, and no default colours of Grafana', () => {
      const steps = panel.fieldConfig.defaults.thresholds?.steps ?? []
      expect(steps[0]).toMatchObject({ value: null })
      if (steps.length === 1) expect(steps[0]!.color).toBe('text')
      else expect(DECIDE).toContain(panel.title)
    })

    it('shows a legend, and every line in the tooltip, if it has lines', () => {
      if (panel.type !== 'timeseries') return
      expect(panel.options).toMatchObject({ legend: { showLegend: true }, tooltip: { mode: 'multi' } })
      for (const { legendFormat } of panel.targets ?? []) expect(legendFormat).not.toBe('')
    })
  },
)

it('the data source has the scrape interval of Prometheus and its own uid', () => {
  const [prometheus] = parse(
    readFileSync(new URL('grafana/provisioning/datasources/prometheus.yml', ROOT), 'utf8'),
  ).datasources
  const { global } = parse(readFileSync(new URL('prometheus/prometheus.yml', ROOT), 'utf8'))
  expect(prometheus).toMatchObject({
    uid: 'prometheus',
    type: 'prometheus',
    jsonData: { timeInterval: global.scrape_interval },
  })
})

it('dashboards come from the mounted folder, and cannot be changed in the browser', () => {
  const [provider] = parse(
    readFileSync(new URL('grafana/provisioning/dashboards/agent-performance.yml', ROOT), 'utf8'),
  ).providers
  expect(provider).toMatchObject({ type: 'file', allowUiUpdates: false, disableDeletion: true })
  const { services } = parse(readFileSync(new URL('docker-compose.yml', ROOT), 'utf8'), { merge: true })
  expect(services.grafana.volumes).toContain(`./grafana/dashboards:${provider.options.path}:ro`)
})

function linksOf(dashboard: Dashboard): string[] {
  const overrides = panelsOf(dashboard).flatMap((panel: Panel) => panel.fieldConfig.overrides)
  return overrides
    .flatMap(({ properties }) => properties.filter(({ id }) => id === 'links'))
    .flatMap(({ value }) => (value as { url: string }[]).map(({ url }) => url))
}

function isKept(url: string): boolean {
  const uid = /^\/d\/([\w-]+)\?/.exec(url)?.[1]
  const kept = ['__url_time_range', 'datasource:queryparam', 'job:queryparam'].map(name => `\${${name}}`)
  return dashboardFiles().some(dashboard => dashboard.uid === uid) && kept.every(part => url.includes(part))
}

function cellsOf({ x, y, w, h }: Panel['gridPos']): string[] {
  return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`)
}
