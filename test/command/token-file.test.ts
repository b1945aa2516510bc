import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'tokens-'))

test.each([
  ['none', undefined, 'ENOENT'],
  ['empty', '# nothing but a remark\n\n', 'contains no token'],
  ['scopes', 's3cret ingest\ns3cret write\n', ':2: only a comma-separated list'],
])(
  'serve does not start with a token file of %s: 78, and the file is named, never a token',
  async (name, text, fault) => {
    const path = join(folder, name)
    if (text !== undefined) writeFileSync(path, text)
    const argv = ['serve', '--listen', '127.0.0.1:0', '--store', join(folder, 'a.json'), '--log-level', 'silent']
    const outcome = await runCommand([...argv, '--auth-token-file', path])
    expect(outcome).toMatchObject({ exitCode: 78, stdout: '' })
    expect(outcome.stderr).toContain(path)
    expect(outcome.stderr).toContain(fault)
    expect(outcome.stderr).not.toContain('s3cret')
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1)
  },
)
