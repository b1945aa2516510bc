/** Known reasons, from profiles, why a row may miss its target. Printed below the table for missed rows. */
import type { Row } from './row.ts'

const LAG =
  'Four sidecars and the server share two cores, and each folds all 17,000 attempts a second. In a profile of one sidecar, it is idle for half of the time, and garbage collection, writes to the socket and the JSON of the records take 9 % each of the rest; the thread of SQLite waits for the lock of the database. Reading what others appended while an append of its own is under way made the lag 20 to 70 % longer, because it costs more reads.'
const CATCH_UP =
  'On a busy machine, SQLite takes 3.3 to 6.4 µs of CPU for an attempt beyond the first 150,000. To open an empty store takes 0.3 s of CPU, in which this run also strips the types of the thread. Reading the JSON of the log takes 18 % of the profile: 1.9 µs an attempt, of which the two times of each record take 0.6 µs. Parsing line by line is no faster. Parsing the times of lines that share them once made batches 8 % faster. The file store takes 25 % more for the same attempts with ids. Garbage collection takes 5 %, and no other function more.'
const SQLITE =
  'The thread of SQLite, the records that are sent to it and the fold share one core. On a busy machine, a commit of 64 attempts takes the thread 0.3 ms of CPU. Pages of 4 or 8 KB instead of 16 KB and a table without its index by time take no less.'
const POSTGRES =
  'In groups of 64 on a busy machine, the server takes 14 µs of CPU for an attempt without rows, and 31 µs with them. In groups of 1,000, a row takes 15 µs: 6 µs to parse its JSON, 2 µs for the table and the rest for three indexes. Arrays instead of JSON saved the server 3 to 4 µs a row, and cost the sidecar 2.2 µs. Half as large groups, of which one is prepared while the other is under way, were 20 to 35 % slower.'
const REDIS =
  'With 64 clients a group takes 1.2 ms, and the sidecar is idle for 45 to 60 % of it. By strace and its own statistics, Redis takes 0.22 ms of that for the fsync of a file that grows, 0.11 ms for the script (0.03 ms to hand its 16 KB to Lua), and 0.05 ms to read and write; two processes wake each other up in the rest. Half as large groups, of which one is prepared while the other is under way, made it 28 % slower, and PostgreSQL and SQLite 20 to 35 %. The copy of each group for a failover takes 8 % at most; it is half as slow since it copies memory instead of elements.'

const OUTCOMES =
  'An outcome looks up its attempt in the log, and writes all facts of it again, so that the fold needs no other record. In a profile of the file store, printing them as JSON is the largest part, then garbage collection, reading the attempt, and the fold.'

/** A reason applies to rows whose `figure` starts with the first text and whose `against` contains the second. */
const REASONS: readonly (readonly [figure: string, against: string, reason: string])[] = [
  [
    'single POST, kept, 10,000 keys',
    '',
    'Cache misses: an attempt updates two summaries of a kilobyte each and the recent attempts of its key, which were last used 10,000 attempts ago. Document and snapshot writes of that many keys also take CPU.',
  ],
  [
    'single POST, kept, with',
    '',
    'Measured at a fixed rate on a shared machine, the streams take 2 to 3 % of a core: 1,000 writes a second of 45 KB each, most of it copies of bytes in the kernel. Their history and filter take 0.3 µs for each attempt of a POST, and the profile shows more garbage collection. The readers take another 1.2 % on the core of the load generator. What else the closed loop loses is not known.',
  ],
  [
    'single POST',
    'one fsync per request',
    'An fsync takes 0.15 ms on this disk. The faster an fsync, the smaller the gain of group commit.',
  ],
  [
    'single POST',
    'check off',
    'Twice its rate is about the rate of the bare server, which stores nothing (both are in the list below). No server on node:http reaches it. For the rest, see the row against the bare server.',
  ],
  [
    'single POST',
    '',
    'Bare group commit (in the table) is the upper limit for a durable server on node:http and this disk. On this machine it is close to or below the target itself. The remaining cost of a request has many small parts: size and time limits of the body, validation, the journal line with its checksum, two summaries, security headers, and promises. By a profile, no function of this project takes more than 3 %, and the writes of the answers 13 %. An attempt takes as much CPU as in the version of 2026-11-26, measured side by side: 57 µs. Tries: answers as Latin-1 instead of UTF-8 saved 3 %; leaving out the three security headers would save 9 %, and leaving out the checks of the head, limits, access and counts of requests 7 %.',
  ],
  [
    'batch of 100',
    '',
    'In a profile of the main thread, HTTP, buffers and the writes of small groups are half of it, counting 10 %, JSON.parse 8 %, the journal line 8 %, validation 5 % and garbage collection 4 %. An attempt takes as much CPU as in the version of 2026-11-26, measured side by side: 4.6 and 4.8 µs.',
  ],
  [
    'batch',
    '',
    'In a profile of the main thread, HTTP, buffers and the write are 32 % of it, JSON.parse 17 %, counting 15 %, the journal line with its checksum 11 %, validation and defaults 7 %, and garbage collection 3 %. Counting takes 0.33 µs an attempt, and 0.19 in the version of 2026-11-26, measured side by side. Copying attempts to the journal without a view of each showed no gain.',
  ],
  [
    'NDJSON',
    '',
    'As for batches, by a profile: HTTP, buffers and the write are 28 %, JSON.parse 21 %, counting 14 %, the journal line 10 %. In addition, each line is split from the stream and parsed separately.',
  ],
  [
    'OTLP protobuf spans',
    'log records',
    'A span is remembered for the spans of its trace in other requests. In a profile of reading and mapping, the memory takes 11 % of the time, and garbage collection 11 %, against 3 % for log records. Its ids in hexadecimal take 4 %, and parsing the time that was printed from nanoseconds 3 %. An attempt from a span also has a trace id and tokens, which are written to the journal and priced.',
  ],
  [
    'OTLP json',
    '',
    'In a profile of decoding and mapping, JSON.parse, the check of UTF-8 and the search for names with underscores are most of the time, and they are all that the other server does. Validation, attributes and times take a third of that again. Reading attributes in the order of the last record, and looking only at the fields of a value that are there, made decoding and mapping 5 % faster together, which did not earn the code.',
  ],
  [
    'OTLP',
    '',
    'In a profile of the main thread for log records, reading and mapping are 29 % of it, HTTP, buffers and the write 20 %, JSON.stringify with the journal line 15 %, ids 12 %, counting 8 %, validation 8 %, and garbage collection 3 %; spans add the memory of traces. The version of 2026-11-26 takes two thirds of the CPU for the same requests. By profiles of both, encoding attempts and reading records take half as long there. Printing attempts by hand again and a hash tag in the slots of ids saved 2 to 5 % each, which did not earn the code.',
  ],
  [
    'open loop (Poisson), 1,000/s: p99',
    '',
    'A slow fsync delays all requests that arrive during it. Bare group commit has a p99 of 1.3 to 3 ms at this rate: one fsync in a hundred takes that long on this disk, while the load generator keeps the core busy that serves its interrupts.',
  ],
  [
    'open loop (Poisson), 1,000/s: p50',
    '',
    'Missed in some runs only. Side by side on this machine, the tree of 2026-11-26 had 0.33 and 0.57 ms, and this one 0.46 and 0.55 ms.',
  ],
  [
    'open loop',
    '',
    'A slow fsync delays all requests that arrive during it, as at 1,000/s. In addition, much code is not compiled yet in the first round, and a full garbage collection every 10 to 20 s takes most of the core for 35 ms. At 7,500/s, alternating on this machine, the tree of 2026-11-26 had 6 to 76 ms, and this one 18 to 24 ms. With a new space of at most 8 MiB it had 11 ms, and with 64 MiB 22 ms; no flag of V8 is set, because its best value depends on the machine.',
  ],
  [
    'questions over HTTP',
    '',
    'The slowest questions take 1.8 to 2.2 ms of CPU (the best of 100 agents) and 3 to 5 ms (a report with its JSON), measured in a process that did nothing else. They run in steps of 0.25 ms, between which attempts are recorded: with steps of 1 ms the p99 was 27 % shorter, and that of a POST twice as long. Side by side on this machine, the tree of 2026-11-26 had 10.7 ms and this one 24 ms: its best agent was a name without evidence, and its report had no quantiles of times.',
  ],
  [
    'alerts at 10,000 keys: longest stall',
    '',
    'Timed one by one in ten evaluations after all keys changed, no step takes more than 0.6 ms in the fastest of them. In a trace, collections of recent garbage take 5 to 19 ms each, and the longest stall of the same run is 8 ms where they have both cores.',
  ],
  ['snapshot', '', 'A full garbage collection during the snapshot: its helper threads compete for the core.'],
  [
    '/metrics',
    '',
    'Rendering 10,000 lines takes 1.5 to 2.5 ms until its code is optimized, and 1 ms after some hundred scrapes. One garbage collection, possibly of the exporter before it, costs as much. Side by side on one machine, the longest stall at 50,000 lines was 7.2 ms with the tree of 2026-11-26 and 7.0 ms with this one.',
  ],
  [
    'report with JSON',
    '',
    'Without its JSON, a report takes 1.4 to 1.8 ms of CPU, and 0.9 to 1.0 ms in the tree of 2026-11-26, side by side. The sums over 10,000 keys are half of it, and the times of 100 recommended agents, which that tree did not answer, a quarter. JSON.stringify takes another quarter of a call.',
  ],
  [
    'best agent with its evidence',
    '',
    'Of 1.8 to 2.2 ms of CPU, 70 % are the exact probabilities that each of 100 agents is the best. Columns in place of an object for each posterior made them 0 to 10 % faster, which did not earn the code. Half as many densities, with their slopes for the CDFs, made it 14 % faster and the error ten times as large. The target is that of the name alone.',
  ],
  [
    'trackAttempt',
    '',
    'Side by side by CPU, without an SDK: 1.7 to 3.0 µs in the tree of 2026-11-26 and 1.9 to 4.1 µs in this one; with an SDK 10 to 15 and 12 to 20 µs. Of the latter, the attributes and spans of the SDK are a third. Every attempt is validated twice, with its labels and with its result, which is a tenth.',
  ],
  [
    'replay',
    '',
    'As much CPU a line as when the target was met, measured side by side on the same machine: 3.4 to 5.4 µs. The tree of 2026-11-26 replayed 290,000 lines/s on this machine, and the machine of the target was twice as fast.',
  ],
  ['file: outcomes', '', OUTCOMES],
  ...[
    ['SQLite', SQLITE] as const,
    ['PostgreSQL, rows=off', POSTGRES] as const,
    ['PostgreSQL with rows', POSTGRES] as const,
    ['Redis, AOF always', REDIS] as const,
  ].flatMap(([store, append]) => [
    [`${store}: lag`, '', LAG] as const,
    [`${store}: outcomes`, '', OUTCOMES] as const,
    [`${store}: catch-up`, '', CATCH_UP] as const,
    [`${store}: `, '', append] as const,
  ]),
  [
    "every key's rate",
    '',
    'Half of the time is JSON.stringify of 2.5 MB. Side by side, the tree of 2026-11-26 had 11.4 ms and this one 12.2 ms.',
  ],
  [
    'start',
    '',
    'Side by side on this machine, the tree of 2026-11-26 had 33×: a start may take four times as long since then, because snapshots are one simple encoding. It allocates 70 MB for 40,000 summaries and a million recent attempts, and garbage collection takes a third of the time because of that memory. The rest is reading 39 MB and decoding it in code that is not compiled yet.',
  ],
  [
    'adopting',
    '',
    'In addition to parsing, every attempt of the file gets an id, is validated, written to the journal, so that it can be listed, and counted from there. The start waits until that is durable. It takes 2.4 to 3.1 s of CPU, and 1.0 s in the tree of 2026-11-26: a fifth to read the entries, half of it for the ids, 14 % for garbage collection, 13 % to append, and a fifth to read the journal and to count. One buffer for each group of records instead of one for each record gave less than 10 %, and was left out. A prototype that copied attempts from the bytes of the file reached 2.8×. It was dropped: 700 lines for something that happens once per store.',
  ],
]

/** The reasons for the missed rows, as Markdown. Empty if no row is missed. */
export function reasonsText(rows: readonly Row[]): string {
  const figuresByReason = new Map<string, string[]>()
  for (const { met, figure, against } of rows) {
    if (met !== false) continue
    const reason = REASONS.find(([start, floor]) => figure.startsWith(start) && against.includes(floor))?.[2]
    const figures = figuresByReason.get(reason ?? UNKNOWN) ?? []
    figuresByReason.set(reason ?? UNKNOWN, [...figures, against === '' ? figure : `${figure} ÷ ${against}`])
  }
  if (figuresByReason.size === 0) return ''
  const items = [...figuresByReason].map(([reason, figures]) => `- ${figures.join('; ')}:\n  ${reason}`)
  return `## Why rows are missed\n\n${items.join('\n')}\n`
}

const UNKNOWN = 'The reason is not known yet.'
