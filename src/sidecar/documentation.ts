/**
 * `GET /docs/…`: the pages of the documentation of this version, as text. Alerts link to their runbooks here, because the sidecar is the one
 * address that every user has. The pages contain no data.
 */
import { readFile } from 'node:fs/promises'
import type { RequestHandler } from 'express'
import { DOCUMENT } from '../server/paths.ts'
import { beginAnswer } from '../server/problem.ts'

/** The same relative to `src/` and to `dist/`. */
const FOLDER = new URL('../../', import.meta.url)

/** Answers with the page, and passes on if there is none. The path must match {@link DOCUMENT}, so that it cannot leave the folder. */
export const answerDocument: RequestHandler = async (req, res, next) => {
  const page = await readPage(DOCUMENT.exec(req.path)?.[1])
  if (page === undefined) return next()
  // Browsers show text and download Markdown.
  beginAnswer(res, 200, ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', page.length])
  res.end(req.method === 'HEAD' ? undefined : page)
}

async function readPage(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  return await readFile(new URL(path, FOLDER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
