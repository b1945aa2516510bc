/** Outputs that block or fail: full pipes and sockets, and pipes whose reader is closed. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

export interface BlockedPipe extends Disposable {
  /** The write end, blocking. */
  readonly fd: number
  /** Writes until the pipe is full. */
  fill(): void
  /** Reads everything in the pipe. */
  read(): string
  /** Closes the read end. */
  break(): void
}

/** Opens a named pipe in a folder. */
export function openPipe(folder: string): BlockedPipe {
  const path = join(folder, `pipe-${Math.random()}`)
  execFileSync('mkfifo', [path])
  let reader: number | undefined = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  // Blocking, like a pipe that a shell creates.
  const fd = openSync(path, constants.O_WRONLY)
  const filler = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const endReading = (): void => {
    if (reader !== undefined) closeSync(reader)
    reader = undefined
  }
  return {
    fd,
    fill: () => untilFull(() => writeSync(filler, 'x\n'.repeat(2048))),
    read() {
      const bytes = Buffer.alloc(1 << 20)
      let text = ''
      untilFull(() => {
        const count = readSync(reader!, bytes)
        text += bytes.toString('utf8', 0, count)
        return count
      })
      return text
    },
    break: endReading,
    [Symbol.dispose]() {
      endReading()
      closeSync(fd)
      closeSync(filler)
    },
  }
}

function untilFull(step: () => number): void {
  try {
    while (step() > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}

/** A socket that is full and never read, like the output socket of a supervisor that hangs. */
export async function openFullSocket(folder: string): Promise<{ readonly socket: Socket } & Disposable> {
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, 'socket'))
  await once(server, 'listening')
  const socket = connect(join(folder, 'socket'))
  const [[other]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')])
  socket.on('error', () => undefined)
  socket.write('x\n'.repeat(1 << 20))
  return {
    socket,
    [Symbol.dispose]() {
      socket.destroy()
      other.destroy()
      server.close()
    },
  }
}
