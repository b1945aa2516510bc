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
    'Of what a request costs beyond node:http alone, about a quarter is its share of a sync (two hand-overs between threads, the file system and the disk driver, for about 26 answers), a tenth the kernel with the longer answer, and the rest spread thinly: reading the body within bounds of size and time, checking, the line of the journal with its checksum, four summaries, and the promises between them. node:http alone is twice as fast here as on the machine the targets were set on, and a sync is not.',
  ],
  [
    'batch',
    '',
    'Beyond JSON.parse (about 0.4 µs an attempt here) stand its check with the timestamp (0.13), finding its text in the body (0.14), the line of the journal with its checksum (0.23), four summaries by key and time (0.27), the copy into the kernel and the sync. No step stands out.',
  ],
  ['NDJSON', '', 'As for batches; and each line is cut from the stream, checked for UTF-8 and parsed on its own.'],
  [
    'OTLP',
    '',
    'Beyond decoding (about 1.1 µs a record) stand the schema (0.15), the mapping (0.65), printing the attempt as JSON, which cannot be taken over as it came (0.6), counting (0.35), and the sync.',
  ],
  [
    'open loop (Poisson), 1,000/s: p99',
    '',
    'The document and the checkpoint are written by the same core in between; the 99th percentile of so few milliseconds moves with whatever else the machine does.',
  ],
  ['open loop', '', 'As above: in slices of 2 ms, but garbage is collected in longer ones.'],
  [
    '/metrics',
    '',
    'Most of the time goes into joining and encoding text, and into the drift of each key that changed. Writing bytes by hand was tried, and was slower.',
  ],
  [
    'report with JSON',
    '',
    'One sweep over 10,000 keys takes 0.7 ms. On one core the garbage collector, and code that is compiled in between, make the slowest of a hundred.',
  ],
  ["every key's rate", '', 'As for the report; half of it is printing 2.5 MB of JSON.'],
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
