/** Why a row may be missed, as profiles told: said below the table when it is. */
import type { Row } from './row.ts'

/** By the beginning of a row's figure, and what it is held against where that matters. */
const REASONS: readonly (readonly [figure: string, against: string, reason: string])[] = [
  [
    'single POST, kept, 10,000 keys',
    '',
    'Cache misses: an attempt is added to four summaries of a kilobyte each, which nobody touched for as many attempts as there are keys.',
  ],
  [
    'single POST',
    'one fsync per request',
    'The disk of this machine confirms a write in 0.15 ms: the faster a sync, the less there is to gain from sharing one.',
  ],
  [
    'single POST',
    '',
    'A server that parses, writes and syncs in groups, and does nothing else, stands in the table too: that is what can be reached with node:http on this disk, and on this machine it is below what is wanted against the bare server. What a request costs beyond that one is spread thinly: the body read within bounds of size and time, the checks, the line of the journal with its checksum, four summaries, headers that keep an answer from being a page, and the promises between them.',
  ],
  [
    'batch',
    '',
    'To write the bytes of a batch takes as long as to parse it: memory that this virtual machine has not touched for some seconds costs 9 µs for each page of 4 KB, and a journal only grows (the server that parses, writes and syncs, and nothing else, is in the table). Beyond that stand, for an attempt, its check with the timestamp (0.1 µs), the line of the journal with its checksum (0.25), and four summaries by key and time (0.3).',
  ],
  ['NDJSON', '', 'As for batches; and each line is cut from the stream and parsed on its own.'],
  [
    'OTLP',
    '',
    'Beyond decoding (about 1.1 µs a record) stand the schema (0.15), the mapping (0.65), printing the attempt as JSON, which cannot be taken over as it came (0.6), counting (0.35), and the write.',
  ],
  [
    'open loop (Poisson), 1,000/s: p99',
    '',
    'A write that takes long holds up all who come meanwhile. Alone, on this disk, one in two hundred takes more than 0.6 ms; beside a generator that keeps the other core busy, which serves the interrupts of the disk, more than 1.7 ms.',
  ],
  ['open loop', '', 'As above: in slices of 2 ms, but garbage is collected in longer ones.'],
  [
    '/metrics',
    '',
    'At 10,000 lines a rendering takes 2 to 3 ms, and one collection of garbage, which may be that of the exporter before it, weighs as much. By the CPU of many renderings it is 13 to 17 times as fast.',
  ],
  [
    'report with JSON',
    '',
    'The median is 0.55 ms, half of it JSON.stringify of 139 KB. On the one core collections of garbage make the slowest of a hundred.',
  ],
  ["every key's rate", '', 'Half of it is printing 2.5 MB of JSON.'],
  [
    'start',
    '',
    'Reading and checking 50 MB takes about 15 ms, fresh memory for it 20 ms of page faults, and making some 40,000 objects before any of the code is compiled most of the rest.',
  ],
  [
    'adopting',
    '',
    'Beyond parsing, every attempt of the file is checked, counted, and written to the journal, so that it can be listed: a start does not end before that is durable.',
  ],
]

/** The reasons for the missed of `rows`, as Markdown; empty where none is. */
export function reasonsText(rows: readonly Row[]): string {
  const found = new Map<string, string[]>()
  for (const { met, figure, against } of rows) {
    if (met !== false) continue
    const reason = REASONS.find(([start, floor]) => figure.startsWith(start) && against.includes(floor))?.[2]
    const figures = found.get(reason ?? UNKNOWN) ?? []
    found.set(reason ?? UNKNOWN, [...figures, against === '' ? figure : `${figure} ÷ ${against}`])
  }
  if (found.size === 0) return ''
  const items = [...found].map(([reason, figures]) => `- ${figures.join('; ')}:\n  ${reason}`)
  return `## Why rows are missed\n\n${items.join('\n')}\n`
}

const UNKNOWN = 'Not known yet.'
