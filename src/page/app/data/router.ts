/** The view and its filters, which are in the URL, so that a view can be sent to somebody. */
import { computed, type ReadonlySignal, signal } from '@preact/signals'

export const VIEWS = ['now', 'best', 'agent', 'models', 'experiments', 'costs', 'alerts', 'attempts'] as const
export type View = (typeof VIEWS)[number]

/** The parameters of the URL. */
export type Parameters = Readonly<Record<string, string>>

const url = signal(new URL(window.location.href))

/** The folder of the page: every view is one segment below it, with any prefix that a proxy adds. */
export const BASE: URL = new URL('.', window.location.href)

/** `/` is the leaderboard. */
export const view: ReadonlySignal<View> = computed(() => {
  const name = url.value.pathname.slice(BASE.pathname.length)
  return VIEWS.find(known => known === name) ?? 'best'
})

export const parameters: ReadonlySignal<Parameters> = computed(() => Object.fromEntries(url.value.searchParams))

/** A relative URL. Empty parameters are left out. */
export function hrefOf(to: View, query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, value)
  return search.size === 0 ? to : `${to}?${search}`
}

export function navigate(href: string): void {
  const to = new URL(href, BASE)
  window.history.pushState(null, '', to)
  url.value = to
  window.scrollTo(0, 0)
}

/** Sets or, with an empty value, removes a parameter of the URL. */
export function setParameter(name: string, value: string): void {
  const to = new URL(url.value)
  if (value === '') to.searchParams.delete(name)
  else to.searchParams.set(name, value)
  // An entry of the history for each keystroke would make Back useless.
  if (to.href === url.value.href) return
  window.history.pushState(null, '', to)
  url.value = to
}

window.addEventListener('popstate', () => {
  url.value = new URL(window.location.href)
})
