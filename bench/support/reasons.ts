/** Why a row may be missed, as profiles told: said below the table when it is. */
import type { Row } from './row.ts'

/** By the beginning of a row's figure, and what it is held against where that matters. */
const REASONS: readonly (readonly [figure: string, against: string, reason: string])[] = [
  [
    'single POST, kept, 10,000 keys',
    '',
    'Cache misses: an attempt is added to two summaries of a kilobyte each, and to the last hundred of its key, which nobody touched for as many attempts as there are keys; and the document and the checkpoints of so many keys take their share.',
  ],
  [
    'single POST',
    'one fsync per request',
    'The disk of this machine confirms a write in 0.15 ms: the faster a sync, the less there is to gain from sharing one.',
  ],
  [
    'single POST',
    'check off',
    'Twice its rate is as much as the bare server answers, which keeps nothing (both stand in the list below): no server on node:http gets there. The rest is as for that one.',
  ],
  [
    'single POST',
    '',
    'A server that parses, writes and syncs in groups, and does nothing else, stands in the table too: that is what can be reached with node:http on this disk, and on this machine it is below what is wanted against the bare server. What a request costs beyond that one is spread thinly: the body read within bounds of size and time, the checks, the line of the journal with its checksum, two summaries, headers that keep an answer from being a page, and the promises between them.',
  ],
  [
    'batch of 100',
    '',
    'An attempt takes 2.2 µs. Parsing and HTTP are 0.8 of them, as for the bare server; 0.6 are its bytes on their way to the disk in groups of four requests, each of which takes a write, a sync and some switches between threads (a server that does this and nothing else takes 1.4 in all); and 0.8 are its check with the timestamp, the line of the journal with its checksum, two summaries and the last hundred of its key. And for a tenth of the time all eight connections wait for the disk.',
  ],
  [
    'batch',
    '',
    'An attempt takes 1.6 µs. Parsing and HTTP are 0.8 of them, as for the bare server; 0.15 are its bytes on their way to the disk (the server that parses, writes and syncs, and nothing else, is in the table); and 0.65 are its check with the timestamp (0.1), the line of the journal with its checksum (0.25), two summaries and the last hundred of its key (0.25), and the garbage of all that.',
  ],
  ['NDJSON', '', 'As for batches; and each line is cut from the stream and parsed on its own.'],
  [
    'OTLP',
    '',
    'JSON is parsed whole, as it is for the server that only decodes. Beyond that stand the check that it is plain (0.25 µs a record), the mapping, printing the attempt, which cannot be taken over as it came, counting, and the write.',
  ],
  [
    'open loop (Poisson), 1,000/s: p99',
    '',
    'A write that takes long holds up all who come meanwhile. A server that writes and syncs in groups, and nothing else, has a p99 of 1.3 to 3 ms at this rate: the disk confirms one write in a hundred only after so long, here, while another core that serves its interrupts is kept busy by the generator.',
  ],
  [
    'open loop',
    '',
    'As above; in the first round much of the code is not compiled yet; and a collection of all garbage, every ten to twenty seconds, takes most of the core for 35 ms.',
  ],
  [
    'questions over HTTP',
    '',
    'The slowest is the best of a hundred agents: 1.5 ms of the core, 6 where many of them could still be the best, in steps between which attempts are taken and may take as long. A collection of all garbage weighs as much again.',
  ],
  [
    'checkpoint',
    '',
    'A collection of all garbage that falls into it: threads that help with it take the core from the one that is held up.',
  ],
  [
    '/metrics',
    '',
    'At 10,000 lines a rendering takes 1.5 to 2.5 ms while its code is still being compiled, which is 1 ms after some hundred scrapes, and one collection of garbage, which may be that of the exporter before it, weighs as much.',
  ],
  [
    'report with JSON',
    '',
    'More than half of the median of 0.5 ms is JSON.stringify of 139 KB. One collection of garbage in 250 calls takes 4 ms; the rest of the slowest hundredth was interrupted.',
  ],
  ["every key's rate", '', 'Half of it is printing 2.5 MB of JSON.'],
  [
    'start',
    '',
    'A start allocates some 70 MB for 40,000 summaries and a million recent attempts, and the garbage collector runs for a third of the time because of that memory. The rest is reading 39 MB and decoding it before most of the code is compiled.',
  ],
  [
    'adopting',
    '',
    'Beyond parsing, every attempt of the file is checked, counted, and written to the journal, so that it can be listed: a start does not end before that is durable. To read and print attempts straight from the bytes of the file, where it is laid out just as the origin does it, was built: 2.8×, for 700 lines that nobody would want to keep for what happens once in the life of a store.',
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
