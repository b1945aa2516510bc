/** Everything that a sidecar answers, as text that must be the same for all sidecars of a store. */
import { QUESTIONS } from '../../src/questions/questions.ts'
import { readText } from '../expose/text-format.ts'

const DAY_MS = 86_400_000

/** The answers to all questions over HTTP, with and without a range, and /metrics, by name. */
export async function answersOf(url: string): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>()
  // Whole days, so that the range is the same at every sidecar.
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const since = new Date(today - 35 * DAY_MS).toISOString()
  const until = new Date(today - 20 * DAY_MS).toISOString()
  for (const { path, example } of QUESTIONS) {
    const given = { ...(example as Readonly<Record<string, unknown>>) }
    if ('issue_type' in given) given.issue_type = 'bug'
    for (const range of [{}, { since, until }]) {
      const { name, ...parameters } = { ...given, ...range } as Record<string, string>
      const at = `/api/v1/${path.replace('{name}', name ?? '')}?${new URLSearchParams(parameters)}`
      const answer = await fetch(url + at)
      answers.set(at, `${answer.status} ${withoutTime(await answer.text())}`)
    }
  }
  answers.set('/metrics', metricsOf(await (await fetch(`${url}/metrics`)).text()))
  return answers
}

/** Every sidecar has a clock of its own, a range that ends now may begin at another minute, and only a sidecar that is behind says `as_of`. */
const withoutTime = (text: string): string =>
  text
    .replace(/"as_of":"[^"]*",?/g, '')
    .replace(/"(generated_at|evaluated_at|until)":"[^"]*"/g, '"$1":"-"')
    .replace(/"((?:earlier_)?range)":\{"since":"[^"]*"/g, '"$1":{"since":"-"')
    .replace(/^"last_updated": "[^"]*"/m, '')

/** The families of agents and experiments, which do not depend on the instance. */
function metricsOf(text: string): string {
  const shared = [...readText(text).values()].filter(({ name }) => !name.startsWith('agent_performance_'))
  return JSON.stringify(
    shared.map(({ name, samples }) => [name, samples.map(one => [one.name, [...one.labels], one.value])]),
  )
}

/** The names of the answers that differ, and both texts around the first difference. */
export function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  return [...one].flatMap(([name, answer]) => {
    const expected = other.get(name) ?? ''
    if (answer === expected) return []
    let at = 0
    while (answer[at] === expected[at]) at++
    const from = Math.max(0, at - 150)
    return [`${name}, at ${at}: ${answer.slice(from, at + 150)} instead of ${expected.slice(from, at + 150)}`]
  })
}
