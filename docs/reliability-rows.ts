/** What the sidecar promises under stress, and which tests show it. docs/reliability.ts prints the page; a test checks that the named tests exist. */

export interface ReliabilityRow {
  readonly promise: string
  /** Tests by file and full name, as `vitest list` prints them. */
  readonly shown: readonly string[]
  /** What no test shows. */
  readonly not?: string
  /** Whether `npm run test:chaos` shows it too. */
  readonly longRun?: boolean
}

const CHAOS =
  'test/chaos/kill.test.ts > killed 20 times under load, at starts, stops and file changes, the sidecar loses nothing and counts nothing twice'
const APPEND_FILE = 'test/store/file/append-file.test.ts > an append file'
const CRASH =
  'test/store/file/crash.test.ts > when %s > after any operation that has done $done, with $preallocatedBytes preallocated bytes, every acknowledged attempt is counted once'
const CRASH_WHILE_SEGMENTS_EXPIRE =
  'test/store/file/crash.test.ts > when %s > after any operation that has done %s while old segments expire, all attempts count, and no file is left over'
const ANY_FAILURE =
  'test/store/file/failing-disk.test.ts > an operation that fails when it has done %s > loses only the refused attempts, whichever operation it is'
const LAST_CALL =
  'test/root/injected-faults.root.ts > a sidecar killed in a system call > %s counts exactly the acknowledged attempts after a restart'
const FAILED_CALL = 'test/root/injected-faults.root.ts > a system call that fails > %s loses only the refused attempts'
const FUZZ = 'test/sidecar/fuzz.test.ts > any input'
const RECORDING = 'test/receive/recording.test.ts'
const REFUSED = `${RECORDING} > refuses invalid requests with index and pointer, and counts nothing of them`
const DAMAGE = 'test/store/file/damage.test.ts'
const READER = 'test/store/file/reader.test.ts'
const READ_ONLY = 'test/command/read-only.test.ts'
const MISSING = 'test/store/file/missing.test.ts'
const ROUND_TRIP = 'test/command/round-trip.test.ts'
const ONE_DAMAGED = `${ROUND_TRIP} > a store with damage behind its snapshot`
const FAILING_DISK = 'test/store/file/failing-disk.test.ts'
const FULL_DISK = 'test/root/full-disk.root.ts > a full disk'
const OPENING = 'test/store/file/opening.test.ts'
const LOCK = 'test/store/file/lock.test.ts'
const LOST_LOCK = 'test/end-to-end/lost-lock.test.ts'
const FORKS = 'test/store/file/forks.test.ts'
const RETENTION = 'test/store/file/retention.test.ts'
const ADOPT = 'test/store/file/adopt.test.ts'
const LIMITS = 'test/server/limits.test.ts'
const CONNECTIONS = 'test/server/connections.test.ts'
const HELD = 'test/server/held-connections.test.ts'
const STRICT = 'test/server/http-strictness.test.ts'
const OVERLOAD = 'test/sidecar/overload.test.ts'
const QUESTIONS = 'test/questions/in-flight.test.ts'
const QUESTION_LIMITS = 'test/questions/question-limits.test.ts'
const STOPPING = 'test/end-to-end/stopping.test.ts'
const RELOAD = 'test/end-to-end/reload.test.ts'
const ACCESS = 'test/server/access.test.ts'
const CLOCK = 'test/sidecar/clock.test.ts'
const ID_WINDOW = 'test/core/aggregate/dedup-window.test.ts'
const CHANGED = 'test/sidecar/changed-settings.test.ts'
const CHANGED_SCHEMA = 'test/store/file/changed-schema.test.ts'
const CHANGED_TIERS = 'test/store/file/changed-tiers.test.ts'
const OTLP = 'test/receive/otlp'
const STREAMS = 'test/receive/streams.test.ts'
const STREAM_MEMORY = 'test/end-to-end/stream-memory.test.ts'
const NOTIFIED = 'test/notify/end-to-end.test.ts'
const NOTIFIER = 'test/notify/notifier.test.ts'
const CHECK_CONFIG = 'test/command/check-config.test.ts'

const LOG_OUTPUT = 'test/end-to-end/log-output.test.ts'
const REFUSAL_LOG = 'test/server/refusal-log.test.ts'
const OPERATOR_LOG = 'test/sidecar/operator-log.test.ts'

const SHARED_CHAOS =
  'test/chaos/shared.test.ts > three sidecars on PostgreSQL, killed under load with their server, lose nothing, count nothing twice and answer alike'
const POSTGRES_STATES = 'test/store/postgres/states.test.ts > PostgreSQL'
const POSTGRES_FAILOVER = 'test/store/postgres/failover.test.ts > PostgreSQL'
const POSTGRES_SECURITY = 'test/store/postgres/security.test.ts > PostgreSQL'
const REDIS_STATES = 'test/store/redis/states.test.ts > Redis'
const SERVER_DISK = 'test/root/full-server-disk.root.ts'
const POSTGRES_FAULTS = 'test/store/postgres/faults.test.ts > faults > with PostgreSQL'
const REDIS_FAULTS = 'test/store/redis/faults.test.ts > faults > with Redis'

const CRASHES: readonly ReliabilityRow[] = [
  {
    promise:
      'If the process dies at any step of recording, every acknowledged attempt counts once after the next start.',
    shown: [CRASH, LAST_CALL, CHAOS],
  },
  {
    promise:
      'If the process dies while it writes a snapshot or the document, or removes old segments, the old or the new file is complete. No temporary file is left.',
    shown: [
      CRASH,
      CRASH_WHILE_SEGMENTS_EXPIRE,
      CHAOS,
      `${OPENING} > what a store leaves on disk > has no unfinished files of an earlier process after a start, and loses no others`,
    ],
  },
  {
    promise:
      'A power failure that loses any part of unsynced data, directory entries included, has the same result as a killed process.',
    shown: [
      CRASH,
      'test/store/file/model.test.ts > after kills, power cuts, failures, snapshots, resets and restarts in any order',
    ],
    not: 'real disks, which may report a sync too early',
  },
  {
    promise: 'A less durable mode loses at most its sync interval.',
    shown: [],
    not: 'there is no such mode: every answer waits for the disk',
  },
  {
    promise: 'Hundreds of kills under load lose no acknowledged attempt and count none twice.',
    shown: [
      CHAOS,
      'test/store/file/chaos.test.ts > every acknowledged attempt is counted once, and nothing is counted that was not sent',
    ],
    longRun: true,
  },
  {
    promise:
      'Under kills and load, every acknowledged outcome counts once, however often, late, early or out of order it was sent, and answers are those of the final facts.',
    shown: [
      CHAOS,
      SHARED_CHAOS,
      'test/store/ids/lookups.test.ts > all outcomes of an attempt are found, in whatever part each of them is',
    ],
    not: 'drift, for which attempts after the last verified one do not count yet',
    longRun: true,
  },
  {
    promise:
      'Any history of appends, repeats, snapshots, resets, failures, kills and power cuts ends in the state of a simple model.',
    shown: [
      'test/store/file/model.test.ts > after kills, power cuts, failures, snapshots, resets and restarts in any order',
    ],
  },
  {
    promise:
      'On a full disk, with short writes, recording answers 503 with Retry-After and readiness fails. Questions and scrapes are answered, no partial record stays, and recording resumes without a restart.',
    shown: [
      `${FAILING_DISK} > a full disk refuses attempts, answers questions, and takes attempts again when there is space`,
      `${FULL_DISK} > refuses %d attempts at once with 503 and Retry-After, keeps answering, recovers by itself, and leaves no partial record`,
      `${FULL_DISK} > filled and emptied repeatedly under load: exactly the acknowledged attempts are counted`,
    ],
  },
  {
    promise: 'A document that does not fit on the disk leaves the previous one unchanged, and no temporary file.',
    shown: [
      `${FAILING_DISK} > a document that cannot be written stays unchanged, and is written as soon as possible`,
      `${FULL_DISK} > keeps the old document byte for byte if a new one does not fit, and removes the temp file`,
    ],
  },
  {
    promise:
      'A failed sync or a write cut short refuses the waiting requests. That descriptor is never synced again, and attempts that are sent again count once.',
    shown: [
      `${FAILING_DISK} > a descriptor whose sync failed is never synced again`,
      FAILED_CALL,
      'test/root/injected-faults.root.ts > a system call that fails > a write cut short in the middle of a record is refused, and recording continues in a new segment',
      'test/root/injected-faults.root.ts > a system call that fails > a file descriptor is never written to again after a failed write',
    ],
  },
  {
    promise:
      'A disk that reports a write it did not do loses that record. The next start reports the damage, copies the file aside and counts the rest.',
    shown: [
      'test/root/injected-faults.root.ts > a system call that fails > a disk that reports a write it did not do loses only that record, which the next start reports as damaged',
    ],
  },
  {
    promise:
      'Errors while reading at the start, or while creating a segment (EMFILE, EDQUOT, EROFS, ENOSPC), are reported. Either no file changes, or the sidecar recovers.',
    shown: [
      'test/store/file/failing-start.test.ts > a start that fails at any operation loses no attempt, and the next start finds all of them',
      'test/root/injected-faults.root.ts > a system call that fails > %s when a segment is created refuses attempts, and recording resumes after it',
      'test/root/injected-faults.root.ts > a system call that fails > EIO while the journal is read fails the start, names the path, and changes no file',
      ANY_FAILURE,
    ],
  },
  {
    promise:
      'A path that cannot be used (read-only, another owner, not a directory, no inodes) is refused with its path, and nothing is created there.',
    shown: [
      `${OPENING} > an unusable path is refused with its name and the reason, and no file is created: > %s`,
      'test/root/full-disk.root.ts > a disk that cannot be written > because it is %s fails the start with the path and the reason, and leaves no file behind',
      'test/root/full-disk.root.ts > a folder of another user fails the start with the path and the reason, and no file is created in it',
    ],
  },
  {
    promise:
      'A journal that is truncated at any byte, or ends in zeros or garbage, is read up to the last complete record.',
    shown: [
      `${DAMAGE} > the journal > truncated at any byte of its last record, is read up to the previous record, and continues`,
      `${DAMAGE} > the journal > with %s at its end, is read up to there, and truncated`,
      `${DAMAGE} > the journal > truncated within its first record, is started again`,
    ],
  },
  {
    promise:
      'A flipped byte loses at most the record that contains it. The damaged file is copied, and no number is wrong.',
    shown: [
      `${DAMAGE} > the journal > with any byte flipped, loses at most the record that contains it, and is copied aside`,
      `${DAMAGE} > a snapshot > with any byte flipped is moved aside, and everything is counted from the other files`,
      `${DAMAGE} > the document > with any byte flipped, or truncated anywhere, is moved aside and written again, or refused as too new`,
    ],
  },
  {
    promise:
      'Damage in records that a snapshot covers is reported by listings, exports and background verification. The report names the file and the number of missing attempts. Totals stay.',
    shown: [
      `${MISSING} > after any file is flipped, truncated, zeroed or deleted, no wrong attempt is listed, and missing ones are reported`,
      `${MISSING} > a listing with the %s first > reports how many attempts are missing if %s`,
      `${MISSING} > a listing with the %s first > reports a segment that is truncated at any position`,
      `${MISSING} > a damaged snapshot is found while the store runs and copied aside, and a new one is taken`,
      `${MISSING} > verification starts automatically soon after the start`,
      `${ONE_DAMAGED} > is exported as far as it is readable, with the number of attempts, and exit code 65`,
      `${ONE_DAMAGED} > is ready, names the damage in /readyz?verbose, and counts it in /metrics`,
    ],
  },
  {
    promise: 'Segments removed by retention or a reset are never reported as missing, whenever the process ends.',
    shown: [
      `${MISSING} > no false alarm > is raised for segments that retention removed, at whichever operation the process ended`,
      `${MISSING} > no false alarm > is raised after a reset, or if a write failed and another segment replaced it`,
    ],
  },
  {
    promise: 'A journal that was moved away is not listed as empty.',
    shown: [
      `${MISSING} > a listing with the %s first > is refused, and not empty, if the directory of the journal was moved away`,
    ],
  },
  {
    promise:
      'Exported attempts that are imported again count once and keep their order. So does a file without ids that is imported twice.',
    shown: [
      `${ROUND_TRIP} > exported and imported, a store has the same last attempts in the same order, and the same trends`,
      `${ROUND_TRIP} > attempts without an id > get one from an export, the same each time, so that the export can be imported twice`,
      `${ROUND_TRIP} > attempts without an id > that are %s count once, however often their file is imported, and all of them count`,
      `${ROUND_TRIP} > an import that is broken off > by a signal says how much was kept and how to go on, and going on counts nothing twice`,
    ],
  },
  {
    promise:
      'A command that cannot write its output exits with a message and 74, and never leaves a partial file under the final name.',
    shown: [
      `${ROUND_TRIP} > an output that is full > ends %s with a sentence and 74`,
      `${ROUND_TRIP} > a file of which a part was exported stays as it was, and nothing is left beside it`,
    ],
  },
  {
    promise:
      'A snapshot or document that is empty, truncated, not JSON, or has a wrong checksum is replaced by the previous one and the journal. A newer format is refused without a change.',
    shown: [
      `${DAMAGE} > a snapshot > that is truncated is replaced by the previous one`,
      `${DAMAGE} > a snapshot > is replaced by the document if no snapshot can be read and older segments have expired`,
      `${DAMAGE} > the document > that holds %j is moved aside and written again`,
      `${OPENING} > files of a newer format are refused, and no file is changed: > %s`,
      `${OPENING} > a document that is too large to read > is refused with its path and size, and not changed, if there is no journal`,
      `${OPENING} > a document that is too large to read > is replaced by the totals of its journal, and moved aside`,
    ],
  },
  {
    promise: 'A long journal is replayed in bounded memory, and the sidecar is ready only after replay.',
    shown: [
      'test/root/long-journal.root.ts > a journal of 10,000 segments and 1 GiB without a snapshot is replayed in bounded memory, and the next start is faster',
      `${STOPPING} > a signal during the replay of a long journal > %s, and loses nothing`,
    ],
  },
  {
    promise:
      'A deleted or replaced file is detected before another attempt is acknowledged in it. A write or truncation by another program is detected within a tenth of a second.',
    shown: [
      `${APPEND_FILE} > that was %s refuses the next append`,
      `${APPEND_FILE} > that was %s refuses appends after the next check of its length`,
      `${FAILING_DISK} > a segment that another program deleted, replaced or wrote to is abandoned before another attempt is acknowledged`,
      `${FAILING_DISK} > a deleted journal directory is created again, with everything that was counted`,
      `${OVERLOAD} > a sidecar whose journal is removed refuses with 503, is not ready and says why, answers questions, and recovers when it is back`,
      `${DAMAGE} > the document > that another program wrote is moved aside, and the journal continues`,
    ],
  },
  {
    promise: 'There is always enough disk space to remove old segments.',
    shown: [],
    not: 'no space is reserved. A snapshot that does not fit is tried again, and the journal stays until one fits',
  },
  {
    promise: 'A second sidecar on one file exits with 75 and names the first, even while the first is suspended.',
    shown: [
      'test/end-to-end/sidecar.test.ts > a sidecar > is the only one on its file: a second exits 75 and names the first',
      `${STOPPING} > a suspended sidecar keeps its lock: a second one exits with 75, and the first one resumes`,
      'test/root/two-containers.root.ts > of two containers on one volume the second exits with 75, and starts after the first is killed',
    ],
    not: 'network file systems',
  },
  {
    promise:
      'If the lock file is removed or replaced, or the directory is moved, the sidecar answers no 200 that another owner does not know. It is not ready, states the reason, and changes no file.',
    shown: [
      `${LOST_LOCK} > no acknowledged attempt of two sidecars on one store is lost if its lock is removed under load`,
      `${LOST_LOCK} > an idle sidecar whose lock was removed and acquired by another one detects it, reports the reason, and changes no file`,
      `${LOST_LOCK} > a sidecar that was suspended while its lock was removed and another one started answers no 200 when it resumes`,
      `${LOST_LOCK} > a sidecar whose journal directory was moved is not ready, refuses attempts and lists until it is moved back`,
      `${LOST_LOCK} > a sidecar whose lock was removed acquires it again if no other one did, and then a second is refused`,
      `${LOCK} > a lock > whose file was %s is not held`,
      `${LOCK} > a store that lost its lock to another one > answers from memory, refuses attempts and listings until it restarts, and changes no file of the other one`,
      `${LOCK} > a store that lost its lock to another one > does not disturb the other one, and adds nothing after a reset by it`,
      `${LOCK} > all files of a store are touched, so that programs that remove old files keep them`,
    ],
    not: 'network file systems that cache names. A refused attempt can be counted if it was already being written',
  },
  {
    promise:
      'Records that two owners wrote at the same time are kept, reported, merged at the next start, and counted once by id.',
    shown: [
      `${FORKS} > a segment of another owner that the next segment skips is counted, listed and reported once`,
      `${FORKS} > records of another owner behind the stated end of its segment are kept, and none counts twice`,
      `${FORKS} > a reader counts the records of both owners, reports them, and changes nothing`,
      `${FORKS} > unacknowledged records behind the end of its own segment are not counted: %s`,
      `${FORKS} > two owners that both assume to hold the lock lose no acknowledged attempt, in any order of steps`,
    ],
  },
  {
    promise: 'No two paths share a journal, and a path that is not UTF-8 is refused.',
    shown: [
      `${OPENING} > two stores in one folder > have separate journals even if their names differ only in the suffix`,
      `${OPENING} > a path that was not UTF-8 is refused, and no file is created`,
    ],
  },
  {
    promise:
      'An attempt beyond the retention age, by its own timestamp, is no longer listed, and is removed from the disk. Totals stay.',
    shown: [
      `${RETENTION} > an attempt is not listed as soon as its timestamp is too old, wherever it is in the journal`,
      `${RETENTION} > a store that runs for months removes attempts that are too old from the disk (with new attempts: %s)`,
      `${RETENTION} > attempts that are too old are not listed, are removed by whole segments, and stay counted`,
    ],
    not: "a question to the files of a stopped store, where the sidecar's retention setting is unknown",
  },
  {
    promise: 'A document in which Python wrote NaN or Infinity loses only the entry or attempt that contains it.',
    shown: [
      `${ADOPT} > an entry in which Python wrote %s costs itself, and a listed attempt its place`,
      `${ADOPT} > a very long text beside a NaN is no obstacle`,
    ],
  },
  {
    promise: 'A kill leaves nothing that must be cleaned up by hand.',
    shown: [
      `${OPENING} > a second store on the same path > of another process is refused until that one is killed, without a manual cleanup`,
      CHAOS,
    ],
    not: 'a reboot; the lock belongs to the kernel and has no expiry',
  },
  {
    promise:
      'A disk that takes seconds for a sync makes answers slow, never wrong. Requests above the limit are refused, and questions are answered at once.',
    shown: [
      `${FAILING_DISK} > a disk that does not respond delays attempts up to a bound, and further ones are refused`,
      'test/root/injected-faults.root.ts > with writes that take 2 s, acknowledged attempts are durable, excess attempts are refused, and questions are not delayed',
    ],
  },
  {
    promise:
      'A question changes no file and takes no lock, on a stopped, killed or damaged store and on a document of the Python tracker.',
    shown: [
      `${READ_ONLY} > %s is the same, file by file, after every question`,
      `${READER} > a reader of a store that is open for writing gives the same answers, uses no operation that writes, and refuses to write`,
      `${READER} > damage is reported with its file, and not repaired`,
      'test/root/read-only.root.ts > a store on a read-only file system answers',
    ],
  },
  {
    promise:
      'A question to the files of a running sidecar answers the state at one moment, and the sidecar loses no attempt.',
    shown: [
      `${READ_ONLY} > beside a process that has the store open > 30 questions in a row answer what the sidecar answers at some moment, and the sidecar keeps every attempt`,
      `${READ_ONLY} > beside a process that has the store open > that closes and opens it again and again, which makes snapshots and removes old segments, questions count what is kept`,
      `${READER} > while the writer > %s, at any operation of the reader, it answers what was so before or after, without a warning`,
      `${READER} > a document alone > that another program writes in place, at any operation of the reader, is read again until it is complete`,
    ],
  },
  {
    promise: 'Another user with read permission gets answers; one without gets the path and what to do.',
    shown: [
      'test/root/read-only.root.ts > another user > with read permission gets answers and changes no file',
      'test/root/read-only.root.ts > another user > without read permission gets the path, the remedy and exit code 77',
    ],
  },
  {
    promise: "Symbolic links in place of the store's files are refused, and only their owner can read the files.",
    shown: [
      `${OPENING} > an unusable path is refused with its name and the reason, and no file is created: > %s`,
      `${OPENING} > what a store leaves on disk > is a document and a journal that only its owner can read`,
    ],
    not: 'links inside a journal directory with another owner',
  },
  {
    promise: 'Files of every earlier version are read. Files of a later version are refused without a change.',
    shown: [`${OPENING} > files of a newer format are refused, and no file is changed: > %s`],
    not: 'there is no earlier version yet',
  },
]

const NETWORK: readonly ReliabilityRow[] = [
  {
    promise:
      'Of 10,000 connections, the sidecar serves up to its limit, drops and counts the others, and answers health. It works normally after they close.',
    shown: [
      'test/root/crowds.root.ts > with 10,000 connections it serves up to its limit, drops and counts the rest, and recovers when they close',
      `${LIMITS} > connections beyond the limit are dropped and counted; the open ones are served`,
    ],
  },
  {
    promise: 'With 64 descriptors the sidecar does not crash and keeps recording.',
    shown: [
      'test/root/crowds.root.ts > with 64 file descriptors and 200 connections it keeps recording for connected clients, and accepts others when they leave',
    ],
  },
  {
    promise:
      'Clients with slow headers, slow bodies, no data, half-closed connections or no reads are disconnected in time, without an effect on others.',
    shown: [
      `${LIMITS} > a slow client > that never ends its headers is disconnected with 408`,
      `${LIMITS} > a slow client > that sends nothing is disconnected`,
      `${LIMITS} > a slow client > that sends its body byte by byte is disconnected with 408 after the timeout`,
      `${LIMITS} > a slow client > that half-closes before its response is disconnected`,
      `${LIMITS} > a slow client > whose stream of lines stalls is disconnected, and gets the number of recorded lines`,
      `${CONNECTIONS} > a client that reads a long response > and stops is disconnected, and its memory is released`,
      `${CONNECTIONS} > a client that reads a long response > slowly gets all of it`,
    ],
  },
  {
    promise:
      'A connection without a request is closed within `--headers-timeout`, including the TLS handshake, and its slot is reused.',
    shown: [
      `${HELD} > a connection is closed after its timeout > %s`,
      `${HELD} > a connection is closed after its timeout > that half-closes and gets its response`,
      `${HELD} > a connection is closed after its timeout > that sends many requests and reads no response`,
      `${HELD} > a TLS connection > that stalls in its handshake is closed within the timeout for headers, which admits another one`,
      `${HELD} > a TLS connection > that ends its handshake and %s is closed with 408`,
      `${HELD} > a TLS connection > has one timeout for its handshake and its first headers together`,
      `${HELD} > a TLS connection > counts towards --max-connections before its handshake ends`,
      `${HELD} > every timeout may be %s`,
    ],
  },
  {
    promise: 'A connection without a request does not delay shutdown.',
    shown: [
      `${HELD} > a connection without a request does not delay a stop`,
      `${HELD} > a TLS connection > in its handshake does not delay a stop`,
    ],
  },
  {
    promise:
      'A body at the limit is accepted, and one byte more is 413. Contradicting lengths are 400, so that requests cannot be smuggled.',
    shown: [
      `${LIMITS} > a body > may have the size of the limit and not a byte more, with and without Content-Length`,
      `${LIMITS} > a body > with a Content-Length above the limit is refused before it is sent`,
      `${LIMITS} > a body > with two lengths, or a length and chunks, is refused: request smuggling is impossible`,
    ],
  },
  {
    promise:
      'Compression bombs, truncated bodies, and bodies with two or unknown encodings are refused at little cost.',
    shown: [
      `${LIMITS} > a body > that decompresses to a thousand times its size takes no memory`,
      `${LIMITS} > a body > of many small gzip members is read completely; a truncated one is refused`,
      `${REFUSED} > %j: %d`,
      `${OTLP}/answer.test.ts > a body > that exceeds the limit when inflated costs little`,
    ],
  },
  {
    promise:
      'Every refusal because of load carries Retry-After, none is a 500, and refused attempts are not counted. OTLP is answered in its own encoding.',
    shown: [
      `${OVERLOAD} > a disk > that stalls lets --max-pending-attempts wait, refuses the rest with 429, and records those that waited when it continues`,
      `${OVERLOAD} > a disk > that fails refuses waiting and new attempts with 503, and accepts attempts again when it works`,
      `${OVERLOAD} > incomplete lines count as in flight: too many are refused with 429, and accepted when others are complete`,
      `${LIMITS} > too many bytes in flight are refused with 429 and Retry-After, and accepted again when others are complete`,
      `${OTLP}/answer.test.ts > a refusal is a google.rpc.Status in the encoding of the request > that states when to retry, if a retry can succeed`,
    ],
  },
  {
    promise:
      'A stream can have any length. Each line is on disk soon after it arrives, and the memory of all streams is bounded.',
    shown: [
      `${STREAMS} > records a line soon after it arrives, while its stream continues`,
      `${STREAMS} > records the lines of a stream in order, for any chunks`,
      `${STREAMS} > keeps all long lines of many streams with memory for one, while the streams wait for each other`,
      `${STREAM_MEMORY} > memory > does not grow with the length of a stream`,
      `${STREAM_MEMORY} > memory > does not grow with the inflated size of gzip, and at most 64 MiB of consecutive blank lines are read`,
      `${STREAM_MEMORY} > memory > does not depend on the size of the chunks of a body`,
    ],
  },
  {
    promise:
      'When a failing disk, a shutdown or the client ends a stream, the answer says how many lines were recorded, and they count once.',
    shown: [
      `${OVERLOAD} > a continuing stream > gets a 503 with the number of its recorded lines as soon as the disk fails`,
      `${OVERLOAD} > a continuing stream > whose client disconnects while its lines are recorded is recorded up to there`,
      `${STREAMS} > ends an open stream on stop, and reports how many of its lines are recorded`,
      `${STREAM_MEMORY} > a client that disconnects in the middle of a gzip body does not delay a stop`,
    ],
  },
  {
    promise:
      'Questions in flight and unread answers are bounded. Beyond the limit questions get 429; probes and scrapes do not.',
    shown: [
      `${QUESTIONS} > one question over the limit is refused with 429 and Retry-After, and accepted when another is answered`,
      `${QUESTIONS} > unread answers count until their clients disconnect, and over the limit others are refused with 429`,
      `${QUESTIONS} > questions of one connection are computed one after the other and answered in order`,
      `${QUESTIONS} > a connection that keeps asking without reading has a few questions waiting, is refused more, and is finally closed`,
      `${QUESTION_LIMITS} > at the limit of questions, others are refused with 429, and probes, scrapes and recording continue`,
      `${QUESTION_LIMITS} > a connection that sends many scrapes at once and reads none takes one slot for scrapes`,
      `${QUESTION_LIMITS} > a scrape is answered although stalled clients hold every slot, long before they are disconnected`,
      'test/root/crowds.root.ts > it disconnects 400 clients that request 20 MB and do not read, and one with 1000 requests, while recording continues',
    ],
  },
  {
    promise:
      'A client that stops reading its answer is disconnected after 10 seconds and counted, and its memory is released.',
    shown: [
      `${QUESTIONS} > a client that stops reading %s is disconnected and counted, and its slot and bytes become free`,
    ],
  },
  {
    promise:
      'A copy of a store gives the answers of its source. A copy that is killed is finished by the next run, copies nothing twice, and is no store until then.',
    shown: [
      'test/store/copy/copy.test.ts > a copy whose append number N should %s is finished by the next run, and nothing is copied twice',
      'test/store/copy/copy.test.ts > neither a sidecar nor a question opens an unfinished copy',
      'test/store/copy/copy.test.ts > a process that writes to the target meanwhile is noticed',
      'test/command/copy.test.ts > through stores of other kinds and back into a file > %s attempts keep every answer',
      'test/command/copy.test.ts > a copy that is killed between two groups is finished by the next run, and refused as a store until then',
    ],
  },
  {
    promise:
      'Equal waiting questions share one computation, and no answer misses an attempt that was acknowledged before the question.',
    shown: [
      `${QUESTIONS} > equal waiting questions are computed once, and each client gets the same complete answer`,
      `${QUESTIONS} > a question never joins a running computation: its answer includes everything recorded before it`,
      `${QUESTION_LIMITS} > an answer includes every attempt acknowledged before the question, however many clients ask the same`,
    ],
  },
  {
    promise: 'The computation of an answer stops when the last waiting client disconnects.',
    shown: [
      `${QUESTIONS} > the computation stops when its only client disconnects, and its slot becomes free`,
      `${QUESTIONS} > a shared computation continues until its last client disconnects`,
      'test/lib/event-loop.test.ts > jobs of one queue > stop at the next yield after an abort, and run their finally blocks',
    ],
  },
  {
    promise:
      'Recording does not wait for questions: all questions together get one time slice per turn of the event loop.',
    shown: [
      'test/lib/event-loop.test.ts > jobs of one queue > take together no longer per event loop iteration than one job alone',
      'test/lib/event-loop.test.ts > jobs of one queue > are served round-robin: a short question does not wait for the long ones before it',
      `${QUESTION_LIMITS} > an attempt is recorded while questions about thousands of keys are still being computed`,
    ],
    not: 'the goal of 20 ms for the p99 of a POST in `npm run test:pressure`. It is missed: the last run of ten minutes measured 42 ms. Garbage collection pauses take 15 to 32 ms, and the client shares two cores with the sidecar',
  },
  {
    promise: '200 clients that obey Retry-After are all served, and every attempt counts once.',
    shown: [
      `${OVERLOAD} > 200 clients that follow Retry-After all succeed, and every attempt is counted once`,
      'test/end-to-end/sidecar.test.ts > 200 clients at once and 4 instrumented processes: every attempt is counted exactly once',
    ],
  },
  {
    promise:
      'A shutdown under load loses no acknowledged attempt. Behind a load balancer no request fails. A second signal ends the process at once.',
    shown: [
      'test/end-to-end/sidecar.test.ts > a sidecar > drains on SIGTERM: keep-alive clients get answers to the end, no answered attempt is missing, and it exits 0',
      `${STOPPING} > on SIGTERM a sidecar > under load refuses with 503 or closes, and loses no acknowledged attempt`,
      `${STOPPING} > on SIGTERM a sidecar > behind a router reports at once that it is not ready, and serves until the router has noticed: no request fails`,
      `${STOPPING} > on SIGTERM a sidecar > under load exits at once on a second signal, and loses no acknowledged attempt`,
    ],
  },
  {
    promise:
      'A shutdown during start, during a snapshot, or without a writable disk ends in time and loses no recorded attempt.',
    shown: [
      `${STOPPING} > a signal during the replay of a long journal > %s, and loses nothing`,
      `${FULL_DISK} > does not prevent a sidecar from stopping, nor the next one from starting and answering, and nothing is lost`,
      CHAOS,
    ],
  },
  {
    promise:
      'An attempt of a client that disconnects before the answer counts at most once, and exactly once when it is sent again.',
    shown: [
      `${OVERLOAD} > attempts of clients that disconnect before the response are counted at most once, and once if they are sent again`,
      `${LIMITS} > a body > of a client that disconnects is discarded`,
    ],
  },
  {
    promise:
      'SIGHUP with broken, empty or missing files changes nothing. Files that are replaced through a symbolic link are reloaded.',
    shown: [
      `${RELOAD} > tokens that are invalid, empty, missing or unreadable change nothing, and valid ones replace the active ones`,
      `${RELOAD} > a file replaced through a symbolic link of its folder, like a mounted secret, is reloaded`,
      `${RELOAD} > a certificate that is missing, invalid or of another key changes neither the active one nor the tokens`,
      `${STOPPING} > a signal during the replay of a long journal > that asks for a reload does not end the sidecar`,
    ],
    not: 'the configuration file, which is read only at the start. A failed reload is in the log, and in no metric',
  },
  {
    promise:
      'The log never ends, blocks or delays the sidecar: not on a full disk, a closed pipe, or a pipe or socket that nothing reads. Dropped lines are counted, and the log says how many.',
    shown: [
      `${LOG_OUTPUT} > a sidecar whose standard error > is always full starts, answers, records attempts and stops`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is a full pipe that nothing reads starts, answers, records attempts and stops`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is a pipe that is read again writes the buffered lines`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is a full socket that nothing reads starts, answers, records attempts and stops`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is a pipe whose reader ends while it runs answers, records attempts and stops`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is closed from the start answers, records attempts and stops`,
      `${LOG_OUTPUT} > a sidecar whose standard error > is a file gets every line, in order`,
      `${LOG_OUTPUT} > a sidecar whose standard output > %s starts, answers, records attempts and stops`,
      'test/server/log-output.test.ts > the output of the log > drops lines that nothing reads, counts them, and reports them in their place when it can write again',
      'test/server/log-output.test.ts > the output of the log > neither throws nor blocks on %s, and a flush ends in bounded time',
      'test/root/log-on-full-disk.root.ts > a log file on a full disk does not stop the sidecar, and later contains complete lines only, including the buffered ones',
    ],
    not: 'a terminal that is suspended while the URL is printed; a log file on a network file system that does not respond, which blocks one thread and the exit',
  },
  {
    promise:
      'Refused recording requests are logged with route, status and the location of the first fault. The log is sampled, and never contains what was sent.',
    shown: [
      `${REFUSAL_LOG} > a refused request is logged > %s`,
      `${REFUSAL_LOG} > a refused request is logged > if OTLP records are rejected, with the first of them`,
      `${REFUSAL_LOG} > a refused request is logged > once in ten seconds per route and status, with the number of those that were not logged`,
      `${REFUSAL_LOG} > a refused request is logged > at level info if the client retries`,
      `${REFUSAL_LOG} > an accepted request, or one that does not record, is not logged`,
    ],
    not: 'requests whose client disconnects before the answer',
  },
  {
    promise:
      'At the start the log says what is stored and who has access. It warns before certificates expire and limits are reached.',
    shown: [
      `${OPERATOR_LOG} > the ready line > names the store, its contents, what was replayed, and who has access`,
      `${OPERATOR_LOG} > the ready line > says whether tokens are required, or anyone has access`,
      `${OPERATOR_LOG} > a certificate > that is expired is logged at the start with its date, and served; a reload logs the dates of the new one`,
      `${OPERATOR_LOG} > a limit that is nearly reached > is logged once at 80 % and once when it is reached, for keys and for arms`,
      `${OPERATOR_LOG} > a limit that is nearly reached > that was reached before the start is logged at the start`,
    ],
    not: 'a certificate that expires while the sidecar runs, without a restart or SIGHUP',
  },
  {
    promise: '`npm start` forwards signals, shuts down cleanly, and leaves no process that holds the port or the lock.',
    shown: [
      'test/end-to-end/npm-start.test.ts > npm start ends the sidecar at %s, drains, exits with 0, and leaves no process',
    ],
    not: 'Windows',
  },
  {
    promise: 'Certificates are renewed without dropping a connection.',
    shown: [
      `${ACCESS} > TLS > serves the given certificate, and a renewed one after a reload, without closing a connection`,
    ],
    not: 'client certificates, which are not supported',
  },
  {
    promise: 'Under a memory limit, requests are refused before the process is killed.',
    shown: [
      'test/root/crowds.root.ts > with 256 MiB of heap it survives 24 clients that send the largest lists and two that ask all questions',
    ],
    not: 'total memory is not measured: connections, bodies, keys and queues have their own limits. With half of that heap the process is killed, and restarts without loss',
  },
  {
    promise: 'Over a day of load and restarts, memory and descriptors do not grow.',
    shown: [],
    not: 'no test runs for a day. `npm run bench:soak -- --minutes 1440` does; bench/SOAK.md has the results of shorter runs',
  },
]

const INPUT: readonly ReliabilityRow[] = [
  {
    promise: 'Any request to any route is answered with a documented status, without an effect on other clients.',
    shown: [
      `${FUZZ} > to any route, with any method, query and headers, gets a documented response`,
      `${FUZZ} > to be recorded gets a documented response, and the counts equal the responses`,
      `${FUZZ} > even if it is not HTTP, gets a documented response or is disconnected, without effect on other clients`,
      `${OTLP}/answer.test.ts > a body > of random bytes gets a documented status quickly, and no stack trace`,
    ],
  },
  {
    promise:
      'Invalid JSON, invalid UTF-8, deep nesting and numbers out of range are refused with their location. No two names become one.',
    shown: [
      `${REFUSED} > %s: 400, not JSON`,
      `${REFUSED} > %s: 400 with the pointer`,
      `${REFUSED} > an array 200,000 deep, alone and in a field`,
      `${OTLP}/decode.test.ts > invalid bytes are refused quickly with one kind of error > a name in bytes that are not UTF-8 is refused, and never becomes U+FFFD`,
    ],
  },
  {
    promise:
      'A name such as __proto__ counts under exactly that name, everywhere and after a restart. A name that is too long is refused.',
    shown: [
      `${RECORDING} > keeps valid attempts > returns every name without control characters unchanged, and does not merge keys that print alike`,
      'test/expose/exposition.test.ts > the text > has separate series for every valid name',
      CHAOS,
    ],
  },
  {
    promise:
      'Fields, parameters and settings named __proto__ or constructor are unknown like any other, and change no prototype.',
    shown: [
      `${REFUSED} > %s: 400 with the pointer`,
      'test/questions/over-http.test.ts > %s is a 400 that names the parameter',
      'test/config/config.test.ts > an unknown name is an error that names it and the nearest known one > __proto__ is an unknown key like any other',
      'test/sidecar/fuzz.test.ts > after all inputs no response was a 500, and no prototype has a new member',
    ],
  },
  {
    promise:
      'With a million agent names from one client, keys, scrape and memory stay within their limits, totals are exact, and existing keys continue.',
    shown: [
      'test/sidecar/cardinality.test.ts > a million agents from one client stay within --max-keys: totals are exact, known keys keep counting, the scrape and memory are bounded',
      'test/core/aggregate/tally.test.ts > the tally > holds every attempt under exactly one key, the overflow key included, whatever the bound',
    ],
  },
  {
    promise: 'Names that print alike stay distinct series, and the scrape parses.',
    shown: [
      'test/core/aggregate/tally.test.ts > the tally > never lets two keys meet: `a:b` + `c` and `a` + `b:c`, NFC and NFD, names of object properties',
      'test/expose/exposition.test.ts > the text > parses to the recorded counts for any names and attempts',
      'test/expose/promtool.test.ts > promtool check metrics reports nothing > for every metric of a sidecar, and hostile names',
    ],
  },
  {
    promise:
      'An ambiguous request is refused with problem details and counted. Bytes that are not HTTP never mix with an answer.',
    shown: [
      `${STRICT} > is refused as a problem, and closes the connection > %s`,
      `${STRICT} > is refused as a problem, and closes the connection > a body with invalid chunks`,
      `${STRICT} > is refused as a problem, and closes the connection > and is counted, under few labels`,
      `${STRICT} > an invalid request after a valid one leaves the response to the valid one intact`,
      `${STRICT} > the error response to invalid bytes is never sent within a long response`,
      `${HELD} > a 408 is a problem, and is counted`,
    ],
  },
  {
    promise:
      'A path has one spelling, an invalid escape is reported with its location, and only decimal digits form an integer.',
    shown: [
      `${STRICT} > a request target > %s is a 400 with the position of the invalid encoding`,
      `${STRICT} > a request target > with an invalid encoding is refused for OTLP in the encoding of OTLP`,
      `${STRICT} > a request target > %s gets %d: a path has one spelling`,
      `${STRICT} > a request target > contains a slash of an experiment as %2F, and its name stays distinct from every other`,
      `${STRICT} > a parameter > limit=%s is a 400 that names it: only decimal digits are a whole number`,
      `${STRICT} > a parameter > with decimals is written as in JSON`,
      `${STRICT} > a parameter > %s is a 400 that names it: no parameter may be repeated, empty or truncated`,
    ],
  },
  {
    promise:
      'Every operation in the OpenAPI document declares each status that it answers with, its media type and headers.',
    shown: [
      'test/openapi/statuses.test.ts > $method $path declares every status it answers with, and no other',
      'test/openapi/statuses.test.ts > every operation says which scope a token needs, and health needs none',
    ],
    not: '429 of a question, and 503 of a scrape and of OTLP, which need more than one request; schemas of the answers',
  },
  {
    promise: 'Unknown methods, paths and clients create no new series.',
    shown: [`${LIMITS} > unknown methods, paths and clients create no new series`],
  },
  {
    promise:
      'The same id counts once for 24 hours: in one batch, on two connections, after a restart or a snapshot, and with other content.',
    shown: [
      `${RECORDING} > keeps valid attempts > the same id once: in a list, in two requests, in two requests at the same time, and with other content`,
      'test/end-to-end/sidecar.test.ts > a sidecar > killed with SIGKILL gives the same answers to the last digit, and recognizes earlier ids',
      `${CLOCK} > an id is recognized for 24 hours, and counts again when it is sent later`,
      CHAOS,
    ],
  },
  {
    promise: 'An OTLP batch without ids that is sent again counts once.',
    shown: [
      `${OTLP}/handler.test.ts > the same attempt counts once > a span that is sent again, in any encoding`,
      `${OTLP}/handler.test.ts > the same attempt counts once > log records without an id that were emitted inside a span, if their batch is sent again (%s)`,
    ],
    not: 'log records outside any span, which have no identity',
  },
  {
    promise:
      'With one invalid item, no item of a batch counts and the fault is named. With `partial=true` the valid items count. OTLP reports partial success.',
    shown: [
      `${REFUSED} > names the invalid attempts of a list by index and pointer`,
      `${REFUSED} > keeps the valid attempts with partial=true`,
      `${STREAMS} > with partial=true > skips invalid lines, names them by index, and keeps all others`,
      `${STREAMS} > with partial=true > names the first of many invalid lines, and counts the others`,
      `${OTLP}/answer.test.ts > partial success > states the number of rejected records and the reasons, in protobuf`,
    ],
  },
  {
    promise:
      'A clock that steps to 1970 or 2100 and back loses nothing and makes no number negative. Timestamps in the future are replaced and counted.',
    shown: [
      `${CLOCK} > a clock that steps %s > loses no attempt and makes no number negative, with and without a restart, and after it steps back`,
      `${CLOCK} > a clock that steps %s > leaves at least all attempts of the last hour in answers about the last hour`,
      `${CLOCK} > ids are recognized although the clock steps %s and back`,
      `${CLOCK} > a timestamp > in the past counts at its time; one in the far future, or none, counts as of now`,
      `${CLOCK} > a timestamp > %j, which is invalid, is refused and nothing is counted`,
    ],
    not: 'a clock that is years ahead removes listed attempts and time buckets as if the years had passed, and ranges that need them are refused. Attempts recorded while the clock was years behind are not listed after it is corrected',
  },
  {
    promise:
      'A clock jump makes no id new: ids age by a monotonic clock while the process runs. An attempt with a wrong time affects no other.',
    shown: [
      `${CLOCK} > one attempt from a clock that is off by %d ms evicts no other id, with and without a restart, and counts once itself`,
      `${CLOCK} > ids age by a monotonic clock: while the wall clock is a day ahead, an id of a minute ago is recognized`,
      `${ID_WINDOW} > however clocks jump meanwhile, an id is known when it comes again within its age by its own two times`,
      `${ID_WINDOW} > two windows with the same history have the same ids, also if one was saved and restored in between`,
      `${ID_WINDOW} > ids leave by age when so many later ones agree that they are too old, or came from a clock that was ahead`,
    ],
    not: 'a process that starts with a clock that is a day off and receives an id again',
  },
  {
    promise: 'The order of arrival does not change any answer.',
    shown: [
      `${CLOCK} > answers do not depend on the order in which attempts arrive, even across the bounds of a range`,
      'test/core/aggregate/summary.test.ts > a summary > does not depend on the order of attempts, to the last digit',
    ],
  },
]

const SETTINGS: readonly ReliabilityRow[] = [
  {
    promise:
      'A lower limit of keys, arms, series or ids stops growth. Existing ones stay and continue to count. A higher limit admits new ones again.',
    shown: [
      `${CHANGED} > after %s > 21 keys under --max-keys 5 remain and keep counting, only new keys overflow, and with a higher limit they get their own`,
      `${CHANGED} > after %s > two arms under --max-arms 1 remain, new ones are not distinguished and the answers say so, until the limit is higher`,
      `${CHANGED} > after %s > a smaller --id-window keeps the newest ids, a larger one all, and the counts remain`,
      'test/store/snapshot/snapshot.test.ts > keys beyond a lower limit stay, in totals and in every range',
      'test/core/aggregate/series.test.ts > series beyond a lower limit stay, and lose nothing; new ones are refused until one has been idle for long',
    ],
  },
  {
    promise:
      'After a change, tiers are built from existing ones and from the journal. A range that nothing covers is refused with the earliest possible time, never answered incompletely.',
    shown: [
      `${CHANGED} > after %s > for any --tiers a range is answered or refused, and with the old tiers every range is answered as before`,
      `${CHANGED} > a range that begins before the stored time tiers > is refused with the earliest possible time, over HTTP, by the command and by the library`,
      `${CHANGED} > a range that begins before the stored time tiers > is answered if nothing was ever deleted`,
      `${CHANGED_TIERS} > are filled from the whole journal, once, and totals stay`,
      `${CHANGED_TIERS} > a crash before the next snapshot makes the next start rebuild them again`,
      `${CHANGED_TIERS} > a reader uses the tiers of the store and not its own`,
      `${CHANGED_TIERS} > if part of the journal is missing > a range before the earliest data is refused with the earliest possible time, and a later one is answered`,
      'test/store/snapshot/snapshot.test.ts > for any tiers at capture and restore, a range is answered exactly to the bucket, or reported as unavailable',
    ],
  },
  {
    promise:
      'State of a program with other histogram bounds or another layout is never read as something else: it is counted again from the journal, or keeps its totals and says what was dropped.',
    shown: [
      `${CHANGED_SCHEMA} > %s: counts the whole journal again, once`,
      `${CHANGED_SCHEMA} > %s: keeps totals and drops the histogram where the journal is not whole`,
      `${CHANGED_SCHEMA} > keeps the totals of the snapshot if the journal is complete but damaged`,
      `${CHANGED_SCHEMA} > cumulative series continue, and buckets with other bounds are not counted with the own ones`,
      'test/store/snapshot/schema.test.ts > a snapshot of another layout > that lacks %s loses all that is worked out with it, and no total',
    ],
  },
  {
    promise:
      'Every process that counts the same attempts answers the same, whatever it was asked and however often it was saved and restarted.',
    shown: [
      'test/store/snapshot/determinism.test.ts > the same attempts lead to the same bytes and answers, with or without questions, snapshots and restarts in between',
    ],
  },
  {
    promise:
      'A setting beyond any memory is refused at the start. At the highest allowed setting, memory grows only with use.',
    shown: [
      `${CHANGED} > a setting beyond the available memory > --%s %s is refused at the start, with the maximum`,
      `${CHANGED} > a setting beyond the available memory > at the maximum, attempts are accepted, and limits that allocate no memory may be arbitrarily large`,
    ],
  },
]

const STORES_AND_SECURITY: readonly ReliabilityRow[] = [
  {
    promise:
      'An alert reaches each sink once when it begins and once when it ends, across crashes, and by one of several sidecars; a plain webhook may receive one again, with the same id.',
    shown: [
      `${NOTIFIED} > an agent that gets worse reaches an Alertmanager and a webhook once, and its recovery does, with a kill between`,
      `${NOTIFIED} > of two sidecars on one PostgreSQL one notifies, and the other does when it is killed`,
      `${NOTIFIER} > after a kill > at each append, every sink receives every beginning and end, and none more than once again`,
      `${NOTIFIER} > of two sidecars on one store > the other takes over when one dies, after the lease has ended, and sends what was not sent`,
    ],
  },
  {
    promise: 'A sink of alerts that fails delays no other, and receives the newest state when it is back.',
    shown: [`${NOTIFIER} > a sink > that is down delays no other, and is sent the newest state when it is back`],
  },
  {
    promise: 'A name in the URL of a sink reaches no loopback or private address that the operator has not named.',
    shown: [
      'test/notify/address.test.ts > a name that resolves to > %s is refused',
      'test/notify/address.test.ts > localhost is this machine, and nothing else',
    ],
  },
  {
    promise:
      'PostgreSQL: attempts count once in every sidecar although answers are lost, connections freeze, or the server is killed under load.',
    shown: [
      `${POSTGRES_FAULTS} > attempts whose answers are lost behind the commit count once`,
      `${POSTGRES_FAULTS} > the same ids at two sidecars at once count once while connections are cut`,
      `${POSTGRES_FAULTS} > a frozen connection that ends loses and doubles nothing`,
      `${POSTGRES_FAULTS} > a server that is killed under load and started again has every acknowledged attempt, and recording goes on`,
      `${POSTGRES_FAULTS} > eight sidecars that start at once on an empty server share one store`,
      SHARED_CHAOS,
    ],
    longRun: true,
  },
  {
    promise:
      'Redis: attempts count once in every sidecar although answers are lost, connections freeze, or the server is killed under load.',
    shown: [
      `${REDIS_FAULTS} > attempts whose answers are lost behind the commit count once`,
      `${REDIS_FAULTS} > the same ids at two sidecars at once count once while connections are cut`,
      `${REDIS_FAULTS} > a frozen connection that ends loses and doubles nothing`,
      `${REDIS_FAULTS} > a server that is killed under load and started again has every acknowledged attempt, and recording goes on`,
    ],
    longRun: true,
    not: 'a server without `appendfsync always`, which may lose what it acknowledged',
  },
  {
    promise:
      'Sidecars that share a store expose the same metrics of agents and experiments. Rules and panels count the store once, and add stores.',
    shown: [
      'test/end-to-end/shared-metrics.test.ts > two sidecars on one SQLite file expose the same metrics but for those about themselves',
      'test/grafana/stores.test.ts > panels and recorded series count a store once, and add two stores',
      'test/prometheus/configuration.test.ts > the rules do as %s says for one sidecar, for two on one store and for two stores',
    ],
    not: 'a failover that loses attempts, or a restored backup: counters fall then, and Prometheus takes that for a reset',
  },
  {
    promise:
      'SQLite: attempts count once in several sidecars of one machine. A damaged file is moved aside and reported.',
    shown: [
      'test/store/sqlite/store.test.ts > two stores on one file count what either records, once, and give byte-identical answers',
      'test/store/sqlite/store.test.ts > a damaged file is moved aside and reported, and recording goes on in a new one',
    ],
    longRun: true,
    not: 'a loss of power, which is left to SQLite',
  },
  {
    promise:
      'A failover or a restored backup that lacks acknowledged attempts gets them again from every sidecar that still runs. All sidecars then answer alike.',
    shown: [
      `${POSTGRES_FAILOVER} > a standby that lacks acknowledged groups gets them again from the sidecars that run, also from one that it does not know`,
      `${POSTGRES_FAILOVER} > a backup that lacks acknowledged groups gets them again from the sidecars that run, also from one that it does not know`,
      `${REDIS_STATES} > a replica that lacks acknowledged groups gets them again after a failover, from every sidecar that runs`,
      `${REDIS_STATES} > after a failover, sidecars that record nothing more send what the replica lacks again by themselves`,
      `${REDIS_STATES} > with replicas=1 an attempt is acknowledged when a replica has it, and not before`,
    ],
    not: 'attempts of a sidecar that ended meanwhile, beyond its last 8 MB, or older than 6 days',
  },
  {
    promise:
      'Without a spool, PostgreSQL that does not connect, does not answer, holds a lock, has no free connection, ends its sessions or is read-only refuses attempts in time, and counts none of them later. Recording resumes by itself.',
    shown: [
      `${POSTGRES_STATES} > a server that accepts connections and never answers is given up within the time limit`,
      `${POSTGRES_STATES} > an answer that does not come within the time limit ends the connection, and the next statement uses a new one`,
      `${POSTGRES_STATES} > the server ends statements and idle transactions before the client gives up`,
      `${POSTGRES_STATES} > while another session holds the lock of the log, attempts are refused, and none of them counts later`,
      `${POSTGRES_STATES} > a server without free connections refuses a start, and recording goes on when one is free`,
      `${POSTGRES_STATES} > sessions that an administrator ends are made again, and the process goes on`,
      `${POSTGRES_STATES} > a server that becomes read-only refuses attempts with 503 until it takes them again`,
      `${POSTGRES_FAULTS} > a start that loses its connection at any answer says so with exit code 69, or succeeds`,
    ],
  },
  {
    promise:
      'Without a spool, Redis that does not connect, does not answer, has no memory left or becomes a replica refuses attempts, and recording resumes by itself. In a cluster all keys of a store are in one slot, which sidecars follow.',
    shown: [
      `${REDIS_STATES} > a server that accepts connections and never answers is given up within the time limit`,
      `${REDIS_STATES} > an answer that does not come within the time limit ends the connection, and the next command uses a new one`,
      `${REDIS_STATES} > a server whose memory is full refuses attempts with 503, answers questions, and takes attempts again when it has room`,
      `${REDIS_STATES} > a server that becomes a replica refuses attempts with 503 until it is the primary again, and a start on a replica says what to do`,
      `${REDIS_STATES} > in a cluster, all keys of a store are in one slot, and a node that has another slot says so at the start`,
      `${REDIS_STATES} > in a cluster, a sidecar follows its keys to the node that has them, at its start and when they move`,
      `${REDIS_FAULTS} > a start that loses its connection at any answer says so with exit code 69, or succeeds`,
    ],
    not: 'a cluster with TLS, and attempts that arrive while a slot moves: they are refused until it has moved',
  },
  {
    promise:
      'On a full disk of their server and without a spool, PostgreSQL and Redis refuse attempts, lose no acknowledged one, and take attempts again when there is space.',
    shown: [
      `${SERVER_DISK} > PostgreSQL on a full disk refuses attempts, loses none that it acknowledged, and takes attempts again when there is space`,
      `${SERVER_DISK} > Redis on a full disk refuses attempts, loses none that it acknowledged, and takes attempts again after its start`,
    ],
    not: 'a full disk of Redis without a restart: with `appendfsync always` Redis ends itself when it cannot write',
  },
  {
    promise:
      'A server that may delete attempts is refused. One that may lose acknowledged attempts is refused with `--require-durable`, else named in the log and in `/readyz?verbose`.',
    shown: [
      `${POSTGRES_STATES} > a server that may lose acknowledged attempts is accepted without --require-durable, and health says what and why`,
      `${REDIS_STATES} > appendonly no is accepted without --require-durable, and health and the log say what a crash loses`,
      `${REDIS_STATES} > appendfsync everysec is accepted without --require-durable, and health and the log say what a crash loses`,
      'test/store/redis/faults.test.ts > faults > a server that may evict keys is refused with the remedy',
    ],
    not: 'settings that change while a sidecar runs: they are read at its start',
  },
  {
    promise:
      "Sidecars learn of each other's attempts by polls: ten a second while nothing happens, and up to 500 while they find some.",
    shown: [
      'test/store/watch.test.ts > groups of others are found within 10 ms while they keep coming, and polls become rare again after them',
      'test/store/watch.test.ts > while nothing is appended, there are ten polls in a second',
    ],
  },
  {
    promise:
      'A store forgets a start of a sidecar when its attempts have expired. A sidecar that it forgot appends nothing twice: it must be restarted.',
    shown: [
      'test/store/sqlite/store.test.ts > writers are forgotten when their groups have expired and they were not seen for the retention',
      'test/store/postgres/retention.test.ts > retention > writers are forgotten a week after their groups have expired, and a day after a start that recorded nothing',
      `${REDIS_STATES} > writers are forgotten when their groups have expired and they were not seen for the retention`,
    ],
    not: 'a spool that waits for longer than the retention, with a group whose answer was lost: its attempts count twice if their ids are forgotten too',
  },
  {
    promise:
      'TLS to PostgreSQL and Redis accepts only the name and the authority that are given. Passwords come from files or URLs, and are never printed.',
    shown: [
      `${POSTGRES_SECURITY} > sslmode=verify-full accepts the name in a certificate of the given authority, and no other name or authority`,
      `${POSTGRES_SECURITY} > a server that accepts TLS only refuses a connection without it, with its reason`,
      `${POSTGRES_SECURITY} > a password comes from a file, from PGPASSFILE or from the URL`,
      `${POSTGRES_SECURITY} > a password is in no error and in no line of the log, wherever it comes from`,
      `${REDIS_STATES} > rediss:// accepts the name in a certificate of the given authority, and no other name or authority`,
      `${REDIS_STATES} > a password comes from a file or from the URL, and a wrong one is in no error and in no line of the log`,
    ],
  },
  {
    promise:
      'While the server of a store is away, outcomes are refused with a time to send them again. The senders keep them, and attempts do not wait for them.',
    shown: [
      'test/end-to-end/outcomes-while-away.test.ts > while the shared store is away, outcomes are refused with a time to send them again, and each counts once when it is back',
    ],
    not: 'a sender that does not send again',
  },
  {
    promise:
      'While the server of a store is away, attempts are accepted into the spool, and count once when it is back, also if the sidecar is killed.',
    shown: [
      `${POSTGRES_FAULTS} > with a spool, attempts are accepted while the server is away, outlive the sidecar, and count once in all sidecars`,
      `${REDIS_FAULTS} > with a spool, attempts are accepted while the server is away, outlive the sidecar, and count once in all sidecars`,
      'test/store/engine/spooling.test.ts > for any outages, lost answers, refusals and kills, every accepted attempt counts once in all sidecars',
      'test/store/spool/spool.test.ts > damage costs its group only: the file is copied aside, and what follows has the same identity at every start',
    ],
    not: 'a loss of the disk of the sidecar, which loses what is in its spool',
  },
  {
    promise:
      'Without a spool, a database that is down refuses attempts, and loses no acknowledged one. Questions are answered from memory.',
    shown: [
      `${POSTGRES_FAULTS} > while the server is away, recording is refused, questions are answered, and health says so until it is back`,
      `${REDIS_FAULTS} > while the server is away, recording is refused, questions are answered, and health says so until it is back`,
    ],
    not: 'attempts that are refused meanwhile must be sent again',
  },
  {
    promise:
      'Missing and wrong tokens are refused alike, a thousand of them delay no other client, and each scope gives access only to its own routes.',
    shown: [
      `${ACCESS} > tokens > allow by scope, and probes need none`,
      `${OVERLOAD} > a thousand wrong tokens are refused alike, and do not delay a request with a valid one`,
    ],
    not: 'the time that a refusal takes; expiry of tokens, which does not exist',
  },
  {
    promise:
      'With an address beyond this machine, the sidecar does not start without tokens, unless `--insecure-no-auth` is set.',
    shown: [
      `${ACCESS} > tokens > are required to listen beyond this machine, unless --insecure-no-auth is set`,
      'test/config/config.test.ts > rules over settings > listening on %s without tokens is refused, and the message lists the options',
    ],
  },
  {
    promise: 'A web page of another site can neither record nor read, whatever host name it uses for this machine.',
    shown: [
      `${ACCESS} > Host and Origin > a Host that is a name is refused with the flag that allows it, unless it is localhost or allowed`,
      `${ACCESS} > Host and Origin > a Host that is neither a name nor an address is a 400, even if every name is allowed`,
      `${STRICT} > a target in absolute form, as proxies send it, > %s is checked as a Host is: %d, whatever the Host header`,
      `${ACCESS} > Host and Origin > a page of another origin can neither record nor read, and gets no CORS headers`,
      `${ACCESS} > Host and Origin > a form of another origin cannot record: its content types are not accepted`,
    ],
  },
  {
    promise:
      'Probes, scrapes and proxies have access by IP address, without a Host in HTTP/1.0, and with an absolute request target.',
    shown: [
      `${ACCESS} > Host and Origin > a Host that is an address is allowed: DNS rebinding needs a name`,
      `${ACCESS} > Host and Origin > a request without Host is allowed in HTTP/1.0 only`,
      `${ACCESS} > Host and Origin > probes respond to any Host, but not to pages of another origin`,
      `${STRICT} > a target in absolute form, as proxies send it, > records, asks and accepts OTLP as a path does`,
    ],
  },
  {
    promise: 'Nothing can be deleted by default, and never by GET.',
    shown: [`${ACCESS} > deletion is refused without --admin, and by GET`],
  },
  {
    promise: 'Secrets appear in no log, answer, metric or error.',
    shown: [
      `${ACCESS} > tokens > are never printed: not in logs, responses, metrics, errors, or check-config`,
      'test/config/config.test.ts > passwords are never printed > whatever the password is made of',
    ],
  },
  {
    promise: 'check-config accepts exactly what serve accepts: files, certificates, tokens, addresses and stores.',
    shown: [
      `${CHECK_CONFIG} > check-config rejects what serve rejects > %s`,
      `${CHECK_CONFIG} > check-config accepts what serve accepts > a store and an address in use by a running sidecar, so that it can be checked before a restart`,
      `${CHECK_CONFIG} > check-config accepts what serve accepts > settings, files and a store that does not exist yet, and creates nothing`,
    ],
  },
  {
    promise: 'An OpenTelemetry setting that is not supported is a warning, and the sidecar starts.',
    shown: [
      'test/end-to-end/otlp.test.ts > %s in the standard environment is a warning: the sidecar starts, and does not push without a pause',
    ],
  },
  {
    promise: 'The default store of the command survives a reboot.',
    shown: [
      `${CHECK_CONFIG} > the default store survives a reboot > under systemd it is in the first StateDirectory of the unit`,
      `${CHECK_CONFIG} > the default store survives a reboot > serve creates that folder and starts there`,
    ],
  },
  {
    promise:
      'Kubernetes probes and scrapes by IP address succeed, and the shipped manifests and the systemd unit are valid.',
    shown: [
      'test/deploy.test.ts > Kubernetes manifests > a sidecar with the arguments of the pod starts, passes its probes and its scrape by IP, and serves its Service names',
      'test/deploy.test.ts > Kubernetes manifests > kustomize builds them, and every selector finds the pod',
      'test/deploy.test.ts > the systemd unit > systemd accepts it',
    ],
    not: 'a cluster or a service manager',
  },
  {
    promise: 'The image runs without root on a read-only file system, and its health check fails if the process hangs.',
    shown: [],
    not: 'a container engine is needed, and no test builds the image',
  },
]

/** In the order of the page. */
export const GROUPS: readonly (readonly [string, readonly ReliabilityRow[]])[] = [
  ['Crashes and the disk', CRASHES],
  ['Network and load', NETWORK],
  ['Input', INPUT],
  ['Stores and security', STORES_AND_SECURITY],
  ['Changed settings', SETTINGS],
]
