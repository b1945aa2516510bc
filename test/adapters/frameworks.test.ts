/** Each adapter with the framework itself, on a fake model. npm installs the frameworks: where it cannot, the tests are skipped and say why. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { openFakeSidecar } from '../instrument/fake-sidecar.ts'
import { type StubModel, startStubModel } from '../senders/stub-model.ts'
import { EXPECTED } from './expected.ts'
import { ADAPTERS, type AdapterName, exampleOf, openFrameworkProject, type Project } from './frameworks.ts'

let project: Project | undefined
let whyNot: string | undefined
let model: StubModel

beforeAll(async () => {
  model = await startStubModel()
  project = await openFrameworkProject().catch((error: unknown) => {
    whyNot = `npm cannot install the frameworks: ${error}`
    return undefined
  })
}, 300_000)

afterAll(async () => {
  await Promise.all([project?.[Symbol.asyncDispose](), model[Symbol.asyncDispose]()])
})

/** What a program recorded of a case, and what its caller got. */
interface Case {
  readonly result?: unknown
  readonly recorded: readonly object[]
}

interface Printed {
  readonly cases: Readonly<Record<string, Case>>
  readonly problems: readonly string[]
}

const apis = (): Record<string, string> => ({
  OPENAI_BASE_URL: `${model.url}/v1`,
  OPENAI_API_KEY: 'x',
  AGENT_PERFORMANCE_URL: '',
})

function openProject({ skip }: Pick<TestContext, 'skip'>): Project {
  if (project === undefined) skip(whyNot)
  return project!
}

describe.each(ADAPTERS)('the adapter of %s', name => {
  const { cases, problems } = EXPECTED[name]
  let printed: Printed | undefined

  const printedBy = async (own: Project): Promise<Printed> => {
    printed ??= JSON.parse(await own.run(`${name}.mjs`, apis())) as Printed
    return printed
  }

  it.for(Object.keys(cases))('records once, and changes nothing of: %s', async (one, context) => {
    const all = await printedBy(openProject(context))
    expect(all.cases[one]).toEqual(cases[one])
  })

  it('says what it could not do, and nothing else', async context => {
    const all = await printedBy(openProject(context))
    expect(all.problems).toEqual(problems ?? [])
    expect(Object.keys(all.cases)).toEqual(Object.keys(cases))
  })

  it('is used as docs/frameworks.md shows', async context => {
    const own = openProject(context)
    await writeFile(join(own.path, `${name}-example.mjs`), await exampleOf(name))
    const sidecar = await openFakeSidecar()
    await own.run(`${name}-example.mjs`, {
      ...apis(),
      AGENT_PERFORMANCE_URL: sidecar.url,
      FAKE_CLAUDE: join(own.path, 'fake-claude.mjs'),
    })
    const attempts = sidecar.received.flatMap(request => request.attempts)
    await sidecar.close()
    expect(attempts).toMatchObject([{ agent_name: 'Fixer', issue_type: 'bug', success: true, ...EXAMPLE[name] }])
  })
})

const FROM_STUB = { input_tokens: 60, output_tokens: 20, cache_read_tokens: 40 }
const EXAMPLE: Readonly<Record<AdapterName, object>> = {
  'ai-sdk': { model_name: 'gpt-5-mini', ...FROM_STUB },
  'openai-agents': { model_name: 'gpt-5-mini', ...FROM_STUB },
  langchain: { model_name: 'gpt-5-mini', ...FROM_STUB },
  'claude-agent-sdk': { model_name: 'claude-sonnet-4-5-20250929', cost_usd: 0.25 },
}
