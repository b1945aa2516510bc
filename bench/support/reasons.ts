/** Reasons for missed rows, found by profiling. They are printed below the table. */
import type { Row } from './row.ts'

/** By the beginning of a row's figure and, if it matters, what it is compared with. */
const REASONS: readonly (readonly [figure: string, against: string, reason: string])[] = [
  [
    'single POST, kept, 10,000 keys',
    '',
    'Cache misses. An attempt changes two summaries of a kilobyte each and the last hundred attempts of its key, none of which are in the cache any more. The document and the snapshots of so many keys also take time.',
  ],
  [
    'single POST',
    'one fsync per request',
    'The disk of this machine confirms a write in 0.15 ms. The faster a sync, the smaller the gain of sharing one.',
  ],
  [
    'single POST',
    'check off',
    'Twice its rate is the rate of the bare server, which stores nothing (both are in the list below). No server on node:http reaches it. For the rest, see the comparison with the bare server.',
  ],
  [
    'single POST',
    '',
    'The table also has a server that only parses, writes and syncs in groups. It is the upper limit with node:http on this disk, and on this machine it is below the target. The further cost of a request has many small parts: limits on size and time of the body, validation, the journal line with its checksum, two summaries, security headers, and promises.',
  ],
  [
    'batch of 100',
    '',
    'An attempt takes 2.2 µs. Parsing and HTTP take 0.8, as in the bare server. Writing takes 0.6: groups of four requests, each with a write, a sync and thread switches (a server that does only this takes 1.4 in all). Validation with the timestamp, the journal line with its checksum, two summaries and the last hundred attempts of the key take 0.8. In a tenth of the time all eight connections wait for the disk.',
  ],
  [
    'batch',
    '',
    'An attempt takes 1.6 µs. Parsing and HTTP take 0.8, as in the bare server. Writing takes 0.15 (the table has a server that only parses, writes and syncs). The other 0.65 are validation with the timestamp (0.1), the journal line with its checksum (0.25), two summaries and the last hundred attempts of the key (0.25), and garbage collection.',
  ],
  ['NDJSON', '', 'As for batches. In addition, each line is split from the stream and parsed separately.'],
  [
    'OTLP',
    '',
    'JSON is parsed at once, as in the server that only decodes. Further costs are fast-path validation (0.25 µs per record), the mapping, serialising the attempt, counting, and the write.',
  ],
  [
    'open loop (Poisson), 1,000/s: p99',
    '',
    'A slow write delays all requests that arrive during it. A server that only writes and syncs in groups has a p99 of 1.3 to 3 ms at this rate: the disk confirms one write in a hundred after that time, while the generator keeps the core busy that serves its interrupts.',
  ],
  [
    'open loop',
    '',
    'As above. In the first round much of the code is not compiled yet. A full garbage collection, every ten to twenty seconds, takes most of the core for 35 ms.',
  ],
  [
    'questions over HTTP',
    '',
    'The slowest question is the best of a hundred agents. It takes 1.5 ms of the core, or 6 ms if many of them can still be the best. It yields between steps, and attempts recorded in between take time too. A full garbage collection takes as long again.',
  ],
  [
    'snapshot',
    '',
    'A full garbage collection during the snapshot: its helper threads take the core from the main thread.',
  ],
  [
    '/metrics',
    '',
    'Rendering 10,000 lines takes 1.5 to 2.5 ms while its code is being compiled, and 1 ms after about a hundred scrapes. A garbage collection, possibly of the exporter that ran before, takes as long.',
  ],
  [
    'report with JSON',
    '',
    'More than half of the median of 0.5 ms is JSON.stringify of 139 KB. One garbage collection in 250 calls takes 4 ms. The others of the slowest hundredth were interrupted.',
  ],
  ["every key's rate", '', 'Half of the time is printing 2.5 MB of JSON.'],
  [
    'start',
    '',
    'A start allocates some 70 MB for 40,000 summaries and a million recent attempts, and the garbage collector runs for a third of the time because of that memory. The rest is reading 39 MB and decoding it before most of the code is compiled.',
  ],
  [
    'adopting',
    '',
    'Beyond parsing, every attempt of the file is validated, counted and written to the journal, and the start ends only when they are durable. Reading attempts directly from the bytes of the file was built and reached 2.8×. Its 700 lines were not kept, because a store adopts a file once.',
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
