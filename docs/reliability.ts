/** Prints docs/reliability.md from the rows: each promise, the tests that show it, and how to run them. */
import { writeFileSync } from 'node:fs'
import { GROUPS, type ReliabilityRow } from './reliability-rows.ts'

const HEAD = `# Reliability

This page lists what the sidecar promises under crashes, load and hostile input, and the tests that show it. A \`200\` means that the attempt
is durable and counts exactly once, whatever dies next. A refused attempt is not counted. Damaged data is never overwritten.

\`npm run docs\` prints this page from the names of the tests. A test fails if one of them does not exist.

| command | what it runs |
| --- | --- |
| \`npm test\` | every test that needs neither root nor much time |
| \`npm run test:root\` | full disks, injected faults, many connections, 1 GiB of journal, containers. Tests that the machine does not allow are skipped with a message |
| \`npm run test:chaos -- [--store file|sqlite|postgres|redis] [minutes] [seed]\` | kills a sidecar, or three that share a store and its server, under load for 10 minutes, and counts the attempts |
| \`npm run test:pressure -- [minutes]\` | recording, scrapes, questions, stopped readers and streams of padded lines at the same time for 10 minutes; measures memory, p99 and the count |
`

/** The page. */
export function reliabilityPage(): string {
  const tables = GROUPS.map(([title, rows]) => {
    const lines = rows.map(line)
    return [`## ${title}`, '', '| promise | result | command | tests |', '| --- | --- | --- | --- |', ...lines].join(
      '\n',
    )
  })
  return `${HEAD}\n${tables.join('\n\n')}\n`
}

function line(row: ReliabilityRow): string {
  const tests = row.shown.map(name => name.replaceAll('|', '\\|')).join('<br>')
  return `| ${row.promise} | ${result(row)} | ${commands(row)} | ${tests} |`
}

function result({ shown, not }: ReliabilityRow): string {
  if (shown.length === 0) return `**not shown**: ${not}`
  return not === undefined ? 'shown' : `shown; not covered: ${not}`
}

function commands({ shown, longRun }: ReliabilityRow): string {
  const roots = shown.filter(isRootTest).length
  const all = [
    ...(shown.length > roots ? ['npm test'] : []),
    ...(roots > 0 ? ['npm run test:root'] : []),
    ...(longRun ? ['npm run test:chaos'] : []),
  ]
  return all.map(command => `\`${command}\``).join(', ')
}

/** Whether `npm run test:root` runs it. */
export const isRootTest = (name: string): boolean => name.startsWith('test/root/')

if (import.meta.main) writeFileSync(new URL('reliability.md', import.meta.url), reliabilityPage())
