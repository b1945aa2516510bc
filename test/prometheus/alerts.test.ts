import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { settings } from '../../src/config/settings.ts'
import { openApiDocument } from '../../src/openapi/document.ts'
import { dashboardFiles } from '../grafana/dashboard-files.ts'
import { metricsOf } from '../grafana/promql.ts'
import { alerts, expectations, ruleFiles } from './rule-files.ts'

const ROOT = new URL('../../', import.meta.url)

describe.each(alerts())('$alert ($labels.severity)', alert => {
  it('waits before it fires, is named in CamelCase, and is critical or a warning', () => {
    expect(alert.alert).toMatch(/^([A-Z][a-z]+){2,}$/)
    expect(alert.for).toMatch(/^[1-9]\d*[mh]$/)
    expect(alert.labels.severity).toMatch(/^(critical|warning)$/)
  })

  it('has a summary, a description with the value, a dashboard and a runbook', () => {
    expect(Object.keys(alert.annotations).sort()).toEqual(['dashboard', 'description', 'runbook_url', 'summary'])
    expect(alert.annotations.summary).toMatch(/\.$/)
    // Values are formatted, and never part of the summary or the labels: those identify the alert.
    expect(alert.annotations.description).not.toMatch(/\{\{ *\$value *\}\}/)
    expect(alert.annotations.summary).not.toContain('$value')
    expect(JSON.stringify(alert.labels)).not.toContain('{{')
  })

  it('has a runbook that says what it means, a first command, and then the causes', () => {
    const path = `docs/runbooks/${alert.alert}.md`
    // A page that opens from Alertmanager: a sidecar at the default port serves it.
    expect(alert.annotations.runbook_url).toBe(`http://localhost:9464/${path}`)
    const headings = readFileSync(new URL(path, ROOT), 'utf8').match(/^#.*$/gm)
    expect(headings).toEqual([`# ${alert.alert}`, '## What it means', '## First command', '## Causes'])
  })

  it('links to an existing dashboard with existing variables', () => {
    const url = new URL(alert.annotations.dashboard!.replaceAll(/\{\{.*?\}\}/g, 'x'))
    const dashboard = dashboardFiles().find(({ uid }) => url.pathname === `/d/${uid}`)
    const variables = dashboard?.templating.list.map(({ name }) => `var-${name}`)
    expect(variables).toEqual(expect.arrayContaining([...url.searchParams.keys()]))
  })

  it('has a unit test in which it fires, and one in which it does not', () => {
    const told = expectations().filter(({ alertname }) => alertname === alert.alert)
    expect(told.some(({ fires }) => fires)).toBe(true)
    expect(told.some(({ fires }) => !fires)).toBe(true)
  })

  it('compares with a threshold, without topk or bottomk', () => {
    expect(alert.expr).not.toMatch(/\b(topk|bottomk|limitk)\b/)
    expect(alert.expr).toMatch(/[<>]=?|==|absent/)
  })
})

it('every runbook belongs to an alert', () => {
  const names = new Set(alerts().map(({ alert }) => `${alert}.md`))
  expect(readdirSync(new URL('docs/runbooks', ROOT)).filter(name => !names.has(name))).toEqual([])
})

it('runbooks use existing paths and flags', async () => {
  const paths = Object.keys(((await openApiDocument('1')) as { paths: object }).paths).map(path =>
    path.replace(/\/\{.*/, ''),
  )
  const flags = settings.map(({ name }) => `--${name}`)
  const texts = alerts().map(({ alert }) => readFileSync(new URL(`docs/runbooks/${alert}.md`, ROOT), 'utf8'))
  expect(texts.flatMap(text => text.match(/\/api\/v1\/[a-z-]+/g) ?? []).filter(path => !paths.includes(path))).toEqual(
    [],
  )
  expect(texts.flatMap(text => text.match(/--[a-z-]+/g) ?? []).filter(flag => !flags.includes(flag))).toEqual([])
})

it('recording rules are named level:metric:operations, once each', () => {
  const records = ruleFiles().flatMap(file => file.rules.flatMap(rule => rule.record || []))
  expect(
    records.filter(record => !/^(agent|model|issue_type|instance):[a-z_]+:[a-z_]+\d*[mhd]?$/.test(record)),
  ).toEqual([])
  expect(new Set(records).size).toBe(records.length)
})

it('alerts read only recorded series that exist', () => {
  const records = new Set(ruleFiles().flatMap(file => file.rules.map(rule => rule.record)))
  const read = alerts().flatMap(({ expr }) => metricsOf(expr).filter(name => name.includes(':')))
  expect(read.filter(name => !records.has(name))).toEqual([])
})
