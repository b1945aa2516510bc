/** The committed dashboards and their expressions. */
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../../grafana/dashboards/', import.meta.url)

export interface Target {
  readonly expr: string
  readonly refId: string
  readonly instant: boolean
  readonly legendFormat?: string
  readonly datasource: { readonly type: string; readonly uid: string }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description: string
  readonly interval?: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string
      readonly noValue?: string
      readonly mappings?: readonly unknown[]
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] }
    }
    readonly overrides: readonly {
      readonly matcher: { readonly options: string }
      readonly properties: readonly { readonly id: string; readonly value: unknown }[]
    }[]
  }
}

export interface Variable {
  readonly name: string
  readonly label: string
  readonly type: string
  readonly query: string | { readonly query: string; readonly refId: string; readonly qryType: number }
  readonly datasource?: { readonly uid: string }
  readonly multi?: boolean
  readonly includeAll?: boolean
  readonly allValue?: string
  readonly refresh?: number
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly editable: boolean
  readonly schemaVersion: number
  readonly refresh: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: {
    readonly list: readonly {
      readonly name: string
      readonly expr: string
      readonly datasource: { readonly uid: string }
    }[]
  }
  readonly links: readonly Readonly<Record<string, unknown>>[]
}

/** The text of every file, by its name. */
export function dashboardTexts(): ReadonlyMap<string, string> {
  const names = readdirSync(FOLDER).sort()
  return new Map(names.map(name => [name, readFileSync(new URL(name, FOLDER), 'utf8')]))
}

/** Every dashboard. */
export function dashboardFiles(): readonly Dashboard[] {
  return [...dashboardTexts().values()].map(text => JSON.parse(text) as Dashboard)
}

/** Panels without the row headings. */
export function panelsOf(dashboard: Dashboard): readonly Panel[] {
  return dashboard.panels.filter(panel => panel.type !== 'row')
}
