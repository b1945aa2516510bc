/** `docs/reliability.md`, from the rows: what is promised, which tests show it, and how to run them. */
import { writeFileSync } from 'node:fs'
import { GROUPS, type ReliabilityRow } from './reliability-rows.ts'

const HEAD = `# What is promised under stress, and what shows it

A \`200\` means: kept, and counted exactly once, whatever dies next. Refused means: not counted. Nothing corrupt is ever overwritten.
This page is made from the names of the tests (\`npm run docs\`), and a test fails where one of them is gone.

| command | what it runs |
| --- | --- |
| \`npm test\` | everything that needs neither root nor long |
| \`npm run test:root\` | full disks, injected faults, crowds, 1 GiB of journal, containers: what the machine does not allow is skipped, and said |
| \`npm run test:chaos -- [minutes] [seed]\` | kills a sidecar under load for 10 minutes, and counts |
| \`npm run test:pressure -- [minutes]\` | POSTs, scrapes, questions, readers that stopped and padded streams at once for 10 minutes: memory, p99 and the count |
`

/** The page. */
export function reliabilityPage(): string {
  const tables = GROUPS.map(([title, rows]) => {
    const lines = rows.map(line)
    return [
      `## ${title}`,
      '',
      '| promise | result | how to run | shown by |',
      '| --- | --- | --- | --- |',
      ...lines,
    ].join('\n')
  })
  return `${HEAD}\n${tables.join('\n\n')}\n`
}

function line(row: ReliabilityRow): string {
  const tests = row.shown.map(name => name.replaceAll('|', '\\|')).join('<br>')
  return `| ${row.promise} | ${result(row)} | ${commands(row)} | ${tests} |`
}

function result({ shown, not }: ReliabilityRow): string {
  if (shown.length === 0) return `**not shown**: ${not}`
  return not === undefined ? 'shown' : `shown in part; not: ${not}`
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
